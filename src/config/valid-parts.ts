import { isMap } from './merge.js';
import { ProjectConfig } from './schema.js';

/** Replaces an invalid service, so that references to it stay valid. */
const stub = { image: 'invalid' };

/** Returns a file without its invalid parts, so that the rest can be checked too; undefined if nothing is left. */
export function validParts(value: unknown): ProjectConfig | undefined {
  const issues = ProjectConfig.safeParse(value).error?.issues ?? [];
  if (!isMap(value)) return undefined;
  const services = new Map(Object.entries(isMap(value.services) ? value.services : {}));
  const environments = new Map(Object.entries(isMap(value.environments) ? value.environments : {}));
  const rest = new Map(Object.entries(value));
  const invalid = new Set<string>();
  for (const { path, code, ...issue } of issues) {
    const [top, name] = path.map(String);
    if (code === 'unrecognized_keys' && path.length === 0 && 'keys' in issue)
      for (const key of issue.keys as string[]) rest.delete(key);
    else if (top === 'services' && name !== undefined) invalid.add(name);
    else if (top === 'environments' && name !== undefined) environments.delete(name);
    else if (top !== undefined) rest.delete(top);
  }
  for (const name of invalid) {
    if (services.has(name)) services.set(name, stub);
    for (const [key, environment] of environments) environments.set(key, without(environment, name));
  }
  const validConfig = {
    ...Object.fromEntries(rest),
    project: rest.get('project') ?? 'invalid',
    services: Object.fromEntries([...services].filter(([name]) => /^[a-z0-9-]+$/.test(name))),
    environments: rest.has('environments') ? Object.fromEntries(environments) : undefined,
  };
  return ProjectConfig.safeParse(validConfig).data;
}

/** Returns the environment without its changes to a service. */
function without(environment: unknown, service: string): unknown {
  if (!isMap(environment) || !isMap(environment.services)) return environment;
  const { [service]: _, ...services } = environment.services;
  return { ...environment, services };
}

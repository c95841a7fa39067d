import { isMap } from './merge.js';
import { WrittenProject } from './schema.js';

/** Stands for a service that was refused, so that others may need it; nothing is wrong with it. */
const stub = { image: 'refused' };

/**
 * A file that its schema refused, without what is wrong in it, so that everything else can be checked in the same go; undefined when
 * that leaves nothing to check.
 */
export function validParts(value: unknown): WrittenProject | undefined {
  const issues = WrittenProject.safeParse(value).error?.issues ?? [];
  if (!isMap(value)) return undefined;
  const services = new Map(Object.entries(isMap(value.services) ? value.services : {}));
  const environments = new Map(Object.entries(isMap(value.environments) ? value.environments : {}));
  const rest = new Map(Object.entries(value));
  const refused = new Set<string>();
  for (const { path, code, ...issue } of issues) {
    const [top, name] = path.map(String);
    if (code === 'unrecognized_keys' && path.length === 0 && 'keys' in issue)
      for (const key of issue.keys as string[]) rest.delete(key);
    else if (top === 'services' && name !== undefined) refused.add(name);
    else if (top === 'environments' && name !== undefined) environments.delete(name);
    else if (top !== undefined) rest.delete(top);
  }
  for (const name of refused) {
    if (services.has(name)) services.set(name, stub);
    for (const [key, environment] of environments) environments.set(key, without(environment, name));
  }
  const sound = {
    ...Object.fromEntries(rest),
    project: rest.get('project') ?? 'refused',
    services: Object.fromEntries([...services].filter(([name]) => /^[a-z0-9-]+$/.test(name))),
    environments: rest.has('environments') ? Object.fromEntries(environments) : undefined,
  };
  return WrittenProject.safeParse(sound).data;
}

/** The environment without what it says about a service. */
function without(environment: unknown, service: string): unknown {
  if (!isMap(environment) || !isMap(environment.services)) return environment;
  const { [service]: _, ...services } = environment.services;
  return { ...environment, services };
}

import type { Environment } from '../domain/environment.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import type { Problem } from '../domain/problem.js';
import type { Instance, Service } from '../domain/service.js';
import { type CompleteService, completeService, registryOf } from './complete.js';
import { checkService, type EnvironmentHost, environmentHosts } from './hosts.js';
import type { Variables } from './interpolate.js';
import { type EnvironmentLayer, Layers, type ProjectLayer } from './layers.js';
import { merge } from './merge.js';
import type { SecretSources } from './secrets.js';

/** An environment that is ready to be worked on. */
export interface ResolvedEnvironment {
  readonly environment: Environment;
  /** Where the values of secrets come from beside the environment and the file. */
  readonly secretSources: SecretSources;
  /** One line each, with its place. */
  readonly warnings: readonly string[];
}

/**
 * The project in this environment, and what is wrong. Without `variables` only what does not depend on them is judged, and neither
 * missing hosts nor a missing registry counts.
 */
export function resolve(
  project: ProjectLayer,
  environment: EnvironmentLayer,
  home: string,
  variables?: Variables,
): { readonly problems: readonly Problem[]; readonly resolved: ResolvedEnvironment } {
  const layers = new Layers(project, environment, variables);
  for (const name of Object.keys(environment.written.services ?? {}))
    checkService(layers, name, ['services', name]);
  const registry = registryOf(layers);
  const hosts = environmentHosts(layers, home);
  const services = layers.services.map((name): Service => {
    const service = completeService(layers, name, registry, home);
    return { ...service, needs: needs(layers, name), instances: instances(layers, service, hosts) };
  });
  checkCycles(layers, services);
  checkPorts(layers, services);
  return {
    problems: layers.problems,
    resolved: {
      environment: {
        project: project.written.project,
        name: environment.name,
        services,
        hosts: hosts.map((host) => host.address),
        ...given({ registry }),
      },
      secretSources: merge(project.written.secrets ?? {}, environment.written.secrets ?? {}) as SecretSources,
      warnings: layers.warnings.map(
        ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
      ),
    },
  };
}

/** The services that come before; one that this environment does without counts as there. */
function needs(layers: Layers, name: string): string[] {
  const known = Object.keys(layers.project.written.services);
  const written = layers.service(name).needs ?? [];
  for (const [index, needed] of written.entries()) {
    if (known.includes(needed)) continue;
    const suggestion = nearest(needed, known);
    const options = suggestion === undefined ? {} : { suggestion };
    layers.report(['services', name, 'needs', index], `there is no service "${needed}"`, options);
  }
  return written.filter((needed) => layers.services.includes(needed));
}

/** Where the service runs. */
function instances(layers: Layers, service: CompleteService, hosts: readonly EnvironmentHost[]): Instance[] {
  const { name, singleton } = service;
  const at = ['services', name, 'hosts'];
  const wanted = layers.environment.written.services?.[name]?.hosts ?? undefined;
  const names = hosts.map((host) => host.address.name);
  for (const [index, host] of (wanted ?? []).entries()) {
    const found = hosts.find(({ address }) => address.name === host);
    const suggestion = nearest(host, names);
    if (found === undefined) {
      if (hosts.every(({ known }) => known))
        layers.reportEnvironment(
          [...at, index],
          `there is no host "${host}"`,
          suggestion === undefined ? {} : { suggestion },
        );
    } else if (found.services !== undefined && !found.services.includes(name))
      layers.reportEnvironment([...at, index], `the list of services of ${host} is without ${name}`);
  }
  const candidates = hosts.filter(
    (host) => (host.services?.includes(name) ?? true) && (wanted?.includes(host.address.name) ?? true),
  );
  if (candidates.length === 0 && hosts.length > 0 && (wanted === undefined || wanted.length === 0))
    layers.reportEnvironment(
      wanted === undefined ? ['hosts'] : at,
      `no host runs ${name}; if that is meant, write services: {${name}: null}`,
      { end: 'key' },
    );
  if (singleton && wanted !== undefined && wanted.length > 1)
    layers.reportEnvironment(at, `${name} is a singleton: it runs on one host`, { end: 'key' });
  return candidates
    .slice(0, singleton ? 1 : undefined)
    .map((host) => ({ id: host.id, host: host.address.name }));
}

/** Reports each service that needs itself, directly or through others. */
function checkCycles(layers: Layers, services: readonly Service[]): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  for (const { name } of services) {
    const reached = new Set<string>();
    const waiting = [...(byName.get(name)?.needs ?? [])];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      waiting.push(...(byName.get(next)?.needs ?? []));
    }
    if (reached.has(name))
      layers.report(['services', name, 'needs'], `${name} needs itself in the end`, { end: 'key' });
  }
}

/** Reports services that would listen on the same port of the same host. */
function checkPorts(layers: Layers, services: readonly Service[]): void {
  const everywhere = (address: string | undefined) =>
    address === undefined || /^(0\.0\.0\.0|::)$/.test(address);
  for (const [index, service] of services.entries())
    for (const other of services.slice(0, index)) {
      if (service.port === undefined || service.port.host !== other.port?.host) continue;
      if (service.port.range !== undefined || other.port.range !== undefined) continue;
      const [a, b] = [service.port.address, other.port.address];
      if (!everywhere(a) && !everywhere(b) && a !== b) continue;
      const shared = service.instances.find(({ host }) =>
        other.instances.some((instance) => instance.host === host),
      );
      if (shared === undefined) continue;
      layers.report(
        ['services', service.name, 'port'],
        `${other.name} has port ${service.port.host} too, and both run on ${shared.host}; write "${service.port.host + 1}:${service.port.container}"`,
      );
    }
}

import type { Environment } from '../domain/environment.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import type { Problem } from '../domain/problem.js';
import { routerOf } from '../domain/routing.js';
import type { Instance, Service } from '../domain/service.js';
import { unknownName } from '../domain/unknown-name.js';
import { checkService, type EnvironmentHost, environmentHosts } from './hosts.js';
import type { Variables } from './interpolate.js';
import { type EnvironmentLayer, Layers, type ProjectLayer } from './layers.js';
import { merge } from './merge.js';
import type { SecretSources } from './secrets.js';
import { type ResolvedService, registryOf, resolveService } from './service-defaults.js';

/** An environment with every default applied and every variable interpolated. */
export interface ResolvedEnvironment {
  readonly environment: Environment;
  /** Commands that print secrets. */
  readonly secretSources: SecretSources;
  /** One line each: `file:line:column: message`. */
  readonly warnings: readonly string[];
}

/**
 * Resolves a project in an environment and collects its problems. Without `variables`, skips checks that depend on them
 * and allows missing hosts and a missing registry.
 */
export function resolve(
  project: ProjectLayer,
  environment: EnvironmentLayer,
  home: string,
  variables?: Variables,
): { readonly problems: readonly Problem[]; readonly resolved: ResolvedEnvironment } {
  const layers = new Layers(project, environment, variables);
  for (const name of Object.keys(environment.config.services ?? {}))
    checkService(layers, name, ['services', name]);
  const registry = registryOf(layers);
  const hosts = environmentHosts(layers, home);
  const services = layers.services.map((name): Service => {
    const service = resolveService(layers, name, registry, home);
    return { ...service, needs: needs(layers, name), instances: instances(layers, service, hosts) };
  });
  checkCycles(layers, services);
  checkPorts(layers, services);
  warnOfOtherHosts(layers, services);
  return {
    problems: layers.problems,
    resolved: {
      environment: {
        project: project.config.project,
        name: environment.name,
        services,
        hosts: hosts.map((host) => host.address),
        instanceIds: Object.fromEntries(hosts.map(({ address, id }) => [address.name, id])),
        ...given({ registry }),
      },
      secretSources: merge(project.config.secrets ?? {}, environment.config.secrets ?? {}) as SecretSources,
      warnings: layers.warnings.map(
        ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
      ),
    },
  };
}

/** Returns the services to deploy first, without those that this environment removes. */
function needs(layers: Layers, name: string): string[] {
  const known = Object.keys(layers.project.config.services);
  const names = layers.service(name).needs ?? [];
  for (const [index, needed] of names.entries()) {
    if (known.includes(needed)) continue;
    const suggestion = nearest(needed, known);
    const options = given({ suggestion });
    layers.report(['services', name, 'needs', index], unknownName('service', needed, known), options);
  }
  return names.filter((needed) => layers.services.includes(needed));
}

/** Returns the instances of a service: one per host that runs it. */
function instances(layers: Layers, service: ResolvedService, hosts: readonly EnvironmentHost[]): Instance[] {
  const { name, singleton } = service;
  const at = ['services', name, 'hosts'];
  const wanted = layers.environment.config.services?.[name]?.hosts ?? undefined;
  const names = hosts.map((host) => host.address.name);
  for (const [index, host] of (wanted ?? []).entries()) {
    const found = hosts.find(({ address }) => address.name === host);
    const suggestion = nearest(host, names);
    if (found === undefined) {
      if (hosts.every(({ isResolved: known }) => known))
        layers.reportEnvironment(
          [...at, index],
          unknownName('host', host, names),
          suggestion === undefined ? {} : { suggestion },
        );
    } else if (found.services !== undefined && !found.services.includes(name))
      layers.reportEnvironment([...at, index], `${host} does not run ${name}: add ${name} to its services`);
  }
  const candidates = hosts.filter(
    (host) => (host.services?.includes(name) ?? true) && (wanted?.includes(host.address.name) ?? true),
  );
  if (candidates.length === 0 && hosts.length > 0 && (wanted === undefined || wanted.length === 0))
    layers.reportEnvironment(
      wanted === undefined ? ['hosts'] : at,
      `no host runs ${name}: to skip it here, set services: {${name}: null}`,
      { end: 'key' },
    );
  if (singleton && wanted !== undefined && wanted.length > 1)
    layers.reportEnvironment(at, `${name} is a singleton: it must have one host`, { end: 'key' });
  return candidates
    .slice(0, singleton ? 1 : undefined)
    .map((host) => ({ id: host.id, host: host.address.name }));
}

/** Warns of services on hosts without a service that they need: names reach services on the same host only. */
function warnOfOtherHosts(layers: Layers, services: readonly Service[]): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  for (const { name, needs, instances } of services) {
    for (const needed of needs) {
      const other = byName.get(needed);
      if (other === undefined || other.instances.length === 0 || routerOf(other) !== 'none') continue;
      const own = new Set(other.instances.map(({ host }) => host));
      const without = instances.map(({ host }) => host).filter((host) => !own.has(host));
      if (without.length === 0) continue;
      const index = (layers.service(name).needs ?? []).indexOf(needed);
      const reach = `${name} on ${without.join(', ')} cannot reach ${needed} by its name`;
      const hint = `use an address of ${[...own].join(', ')}, or run both on the same hosts`;
      layers.warn(['services', name, 'needs', index], `${reach}, which works on the same host only: ${hint}`);
    }
  }
}

/** Reports each service that depends on itself, directly or not. */
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
      layers.report(['services', name, 'needs'], `${name} depends on itself`, { end: 'key' });
  }
}

/** Reports services that use the same port on the same host. */
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
        `port ${service.port.host} on ${shared.host} is already used by ${other.name}: use "${service.port.host + 1}:${service.port.container}"`,
      );
    }
}

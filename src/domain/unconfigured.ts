import { isOurs } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { label } from './labels.js';
import { current, releaseLog } from './log.js';
import { isUp } from './rollout.js';

/** A service on a host that the configuration does not list for it. */
export interface UnconfiguredService {
  readonly service: string;
  readonly host: string;
  /** Its containers there, without those of release commands and `exec`. */
  readonly containers: readonly ContainerFacts[];
  /** The hosts that the configuration lists for it; none if it was removed or renamed. */
  readonly configuredHosts: readonly string[];
  /** Whether one of these hosts has its current release: otherwise this host may be the only one that runs it. */
  readonly isDeployedThere: boolean;
}

/** Returns the services with containers or release log lines on hosts that the configuration does not list for them. */
export function unconfiguredServices(facts: Facts, id: EnvironmentId): readonly UnconfiguredService[] {
  const { configured } = facts;
  if (configured === undefined) return [];
  return Object.values(facts.hosts).flatMap((host) =>
    servicesOn(host, id).flatMap((service): UnconfiguredService[] => {
      const configuredHosts = configured.services[service] ?? [];
      if (configuredHosts.includes(host.host)) return [];
      const containers = containersWithRole(host, id, service, ['service']);
      const isDeployedThere = isDeployedOn(facts, service, configuredHosts);
      return [{ service, host: host.host, containers, configuredHosts, isDeployedThere }];
    }),
  );
}

function servicesOn(host: HostFacts, id: EnvironmentId): readonly string[] {
  const seen = host.containers.filter((container) => isOurs(container, id));
  const names = [...seen.flatMap(({ labels }) => labels[label.service] ?? []), ...Object.keys(host.log)];
  return [...new Set(names)].sort();
}

/** Returns the service's containers with our labels and one of these roles. */
export function containersWithRole(
  { containers }: HostFacts,
  id: EnvironmentId,
  service: string,
  roles: readonly string[],
): readonly ContainerFacts[] {
  return containers.filter(
    (container) =>
      isOurs(container, id) &&
      container.labels[label.service] === service &&
      roles.includes(container.labels[label.role] ?? ''),
  );
}

function isDeployedOn(facts: Facts, service: string, hosts: readonly string[]): boolean {
  const active = current(releaseLog(facts, service));
  if (active === undefined) return true;
  return hosts.some((host) => facts.hosts[host]?.log[service]?.some(({ order }) => order === active.order));
}

/** Whether a prune keeps it: the service is configured elsewhere, but not deployed there yet. */
export function mustStay({ configuredHosts, isDeployedThere }: UnconfiguredService): boolean {
  return configuredHosts.length > 0 && !isDeployedThere;
}

/** Describes it in one sentence with the command that helps; undefined if it has no containers. */
export function describeUnconfigured(found: UnconfiguredService): string | undefined {
  const { service, host, containers, configuredHosts } = found;
  if (containers.length === 0) return undefined;
  const isRunning = containers.some(isUp);
  const names = configuredHosts.join(', ');
  const fact =
    configuredHosts.length === 0
      ? `${service} ${isRunning ? 'runs' : 'is stopped'} on ${host}${isRunning ? ' but is' : ' and'} no longer configured`
      : `${service} ${isRunning ? 'runs' : 'is stopped'} on ${host}, but is configured only on ${names}`;
  return mustStay(found)
    ? `${fact}; deploy it there: oneclick deploy ${service}`
    : `${fact}; remove it: oneclick prune`;
}

/** Describes services that run where they are not configured, except these services. */
export function runningUnconfigured(
  facts: Facts,
  id: EnvironmentId,
  except: readonly string[] = [],
): readonly string[] {
  return unconfiguredServices(facts, id)
    .filter(({ service, containers }) => containers.some(isUp) && !except.includes(service))
    .flatMap((found) => describeUnconfigured(found) ?? []);
}

/** Returns the command that frees what this container holds, if its service is not configured on the host. */
export function pruneHint(
  facts: Facts,
  id: EnvironmentId,
  host: string,
  { name }: ContainerFacts,
): string | undefined {
  const found = unconfiguredServices(facts, id).find(
    (service) => service.host === host && service.containers.some((container) => container.name === name),
  );
  return found && describeUnconfigured(found);
}

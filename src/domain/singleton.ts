import { containerOf, containersOf } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { Failure } from './failure.js';
import type { Release } from './release.js';
import { isProvisional, isUp, leftoverContainers, serving } from './rollout.js';
import type { Service } from './service.js';

/** A container on a host. */
export interface PlacedContainer {
  readonly host: string;
  readonly container: ContainerFacts;
}

/** Returns the running containers of a singleton on hosts other than its own; none for other services. */
export function singletonElsewhere(
  facts: Facts,
  id: EnvironmentId,
  service: Service,
): readonly PlacedContainer[] {
  return otherHosts(facts, service).flatMap((host) =>
    serving(host, id, service.name).map((container) => ({ host: host.host, container })),
  );
}

/** Returns a Failure if a start would run a singleton twice. */
export function secondCopy(
  facts: Facts,
  id: EnvironmentId,
  service: Service,
  hint: string,
): Failure | undefined {
  const [found] = singletonElsewhere(facts, id, service);
  if (found === undefined) return undefined;
  const { host } = found;
  const message = `${service.name} is a singleton and already runs on ${host}`;
  return new Failure('failed', 'singleton.elsewhere', message, { host, hint });
}

/**
 * Returns the container of the release on another host that a run stopped to move a singleton, and died before the move was complete.
 */
export function interruptedMove(
  facts: Facts,
  id: EnvironmentId,
  service: Service,
  release: Release | undefined,
): PlacedContainer | undefined {
  if (release === undefined || livesHere(facts, id, service)) return undefined;
  const found = otherHosts(facts, service).flatMap((host): PlacedContainer[] => {
    const container = containerOf(host, id, service.name, release);
    const isStopped = container !== undefined && !isUp(container) && isProvisional(container, release);
    return isStopped ? [{ host: host.host, container }] : [];
  });
  // With several, it is unknown which one ran last.
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Returns a Failure if a singleton may run on a host that cannot be read. A container on its own host that still restarts by itself
 * proves that it does not: a move would have ended that.
 */
export function singletonUnknown(facts: Facts, id: EnvironmentId, service: Service): Failure | undefined {
  const own = service.instances.map(({ host }) => host);
  const unread = (facts.configured?.unread ?? []).filter((host) => !own.includes(host));
  const former = facts.configured?.former?.[service.name] ?? [];
  if (!service.singleton || livesHere(facts, id, service)) return undefined;
  return unreadFailure(service, unread) ?? formerFailure(service, former);
}

function unreadFailure(service: Service, unread: readonly string[]): Failure | undefined {
  const [host] = unread;
  if (host === undefined) return undefined;
  const message = `${service.name} is a singleton, and may still run on ${unread.join(', ')}, which cannot be read`;
  return new Failure('unreachable', 'singleton.unread', message, {
    host,
    hint: `bring the host back; if it does not run there, add ${ignoreFlags(unread)}`,
  });
}

function formerFailure(service: Service, former: readonly string[]): Failure | undefined {
  const [host] = former;
  if (host === undefined) return undefined;
  const names = former.join(', ');
  const message = `${service.name} is a singleton, and may still run on ${names}, which is no longer configured`;
  return new Failure('usage', 'singleton.former', message, {
    host,
    hint: `keep ${names} in hosts: with services: [] until it has moved; if it does not run there, add ${ignoreFlags(former)}`,
  });
}

const ignoreFlags = (hosts: readonly string[]) => hosts.map((name) => `--ignore-host ${name}`).join(' ');

function otherHosts(facts: Facts, { singleton, instances }: Service): readonly HostFacts[] {
  if (!singleton) return [];
  return Object.values(facts.hosts).filter(({ host }) => !instances.some((own) => own.host === host));
}

function livesHere(facts: Facts, id: EnvironmentId, { name, instances, restart }: Service): boolean {
  return instances.some(({ host }) => {
    const known = facts.hosts[host];
    if (known === undefined) return false;
    const dead = leftoverContainers(known, facts, id, name);
    return containersOf(known, id, name).some(
      (container) =>
        !dead.includes(container) && (container.restart !== 'no' || (isUp(container) && restart === 'no')),
    );
  });
}

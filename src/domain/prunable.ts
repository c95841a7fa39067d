import { containersOf, isOurs } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { label, prefix } from './labels.js';
import { lineName } from './log.js';
import type { Release } from './release.js';
import { isUp } from './rollout.js';
import type { Service } from './service.js';
import {
  containersWithRole,
  mustStay,
  type UnconfiguredService,
  unconfiguredServices,
} from './unconfigured.js';

/** What a prune removes from one host. */
export interface PrunableHost {
  readonly host: string;
  readonly containers: readonly PrunableContainer[];
  /** Digests that nothing else on the host uses. */
  readonly images: readonly string[];
  /** The names of release log volumes, by service. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  /** The names of volumes with data that no service configured on this host mounts. */
  readonly data: readonly string[];
}

export interface PrunableContainer {
  readonly container: ContainerFacts;
  /** For it to stop, ms. */
  readonly timeout: number;
}

/** Without a release log line, as Docker does. ms */
export const defaultStopTimeout = 10_000;

/** Returns what is no longer configured on a host, and the services there that must stay until they are deployed elsewhere. */
export function prunableOn(
  facts: Facts,
  host: HostFacts,
  id: EnvironmentId,
  configured: readonly Service[],
): { readonly prunable: PrunableHost; readonly staying: readonly UnconfiguredService[] } {
  const found = unconfiguredServices(facts, id).filter((one) => one.host === host.host);
  const leaving = found.filter((one) => !mustStay(one)).map(({ service }) => service);
  const releases = (names: readonly string[]) =>
    names.flatMap((name) => (host.log[name] ?? []).map(({ release }) => release));
  const gone = releases(leaving);
  const kept = releases(Object.keys(host.log).filter((name) => !leaving.includes(name)));
  const services = leaving.flatMap((name) => serviceContainers(host, id, name));
  const containers = [...services, ...networkHolder(facts, host, id, services)];
  const lines = leaving.map((name) => [
    name,
    (host.log[name] ?? []).map(({ order }) => lineName(id, name, order)),
  ]);
  const local = configured.filter(({ instances }) => instances.some((own) => own.host === host.host));
  const mounted = new Set(
    [...local.map(({ volumes }) => volumes), ...kept.map(({ spec }) => spec.volumes)].flatMap((volumes) =>
      dataVolumes(volumes, id),
    ),
  );
  return {
    prunable: {
      host: host.host,
      containers: containers.map((container) => ({ container, timeout: stopTimeout(container, gone) })),
      images: unusedImages(host, containers, gone, kept),
      lines: Object.fromEntries(lines.filter(([, names]) => (names ?? []).length > 0)),
      data: [...new Set(gone.flatMap(({ spec }) => dataVolumes(spec.volumes, id)))].filter(
        (name) => !mounted.has(name),
      ),
    },
    staying: found.filter((one) => mustStay(one) && one.containers.length > 0),
  };
}

/** Containers with our labels. A release command or `exec` that still runs is not cut off. */
function serviceContainers(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  return [
    ...containersWithRole(host, id, service, ['service']),
    ...containersWithRole(host, id, service, ['command', 'exec']).filter((container) => !isUp(container)),
  ];
}

/** The container that keeps the network up, if nothing of the environment is left on a host that runs no configured service. */
function networkHolder(
  facts: Facts,
  host: HostFacts,
  id: EnvironmentId,
  leaving: readonly ContainerFacts[],
): readonly ContainerFacts[] {
  const isUsed = Object.values(facts.configured?.services ?? {}).some((hosts) => hosts.includes(host.host));
  const others = host.containers.filter((container) => isOurs(container, id) && !leaving.includes(container));
  const holders = others.filter(({ labels }) => labels[label.role] === 'network');
  return isUsed || holders.length < others.length ? [] : holders;
}

function stopTimeout({ labels }: ContainerFacts, releases: readonly Release[]): number {
  if (labels[label.role] === 'network') return 0;
  const release = releases.findLast(({ number }) => String(number) === labels[label.release]);
  return release?.spec.stop.timeout ?? defaultStopTimeout;
}

function unusedImages(
  host: HostFacts,
  leaving: readonly ContainerFacts[],
  gone: readonly Release[],
  kept: readonly Release[],
): readonly string[] {
  const ours = leaving.filter(({ labels }) => labels[label.role] !== 'network');
  const candidates = new Set([...gone.map(({ spec }) => spec.image), ...ours.map(({ image }) => image)]);
  const used = new Set([
    ...kept.map(({ spec }) => spec.image),
    ...host.containers.filter((container) => !leaving.includes(container)).map(({ image }) => image),
  ]);
  return host.images
    .filter(({ id, digests, tags }) => ![id, ...digests, ...tags].some((name) => used.has(name)))
    .flatMap(({ digests }) => digests.filter((digest) => candidates.has(digest)));
}

/** The names of the named volumes in Docker. */
function dataVolumes(volumes: readonly string[], id: EnvironmentId): readonly string[] {
  return volumes
    .filter((volume) => !volume.startsWith('/'))
    .map((volume) => `${prefix(id)}-${volume.split(':')[0]}`);
}

/** The running containers without our labels that a removed service had adopted: a prune leaves them alone. */
export function adoptedContainers(
  host: HostFacts,
  id: EnvironmentId,
  services: readonly string[],
): readonly string[] {
  return services.flatMap((service) =>
    containersOf(host, id, service)
      .filter((container) => isUp(container) && !isOurs(container, id))
      .map(({ name }) => name),
  );
}

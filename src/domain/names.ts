import { createHash } from 'node:crypto';
import { containersOf, isOurs } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts, NetworkFacts, VolumeFacts } from './facts.js';
import { Failure } from './failure.js';
import { given } from './given.js';
import { parseJson } from './json.js';
import { environmentLabels, label, prefix } from './labels.js';
import { lineName } from './log.js';
import type { ContainerSpec } from './release.js';

/*
 * Environments of different projects can have the same prefix: `shop` with `eu-prod`, and `shop-eu` with `prod`. What exists is found by its
 * labels, or by the containers that use it; only a new thing whose name is taken gets a suffix.
 */

/** Returns the name with a suffix of its environment, for when another environment has the name. */
export function suffixed(name: string, { project, environment }: EnvironmentId): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([project, environment]))
    .digest('hex');
  return `${name}-${hash.slice(0, 8)}`;
}

/** The networks and containers of a host. */
export type NetworkUse = Pick<HostFacts, 'networks' | 'containers'>;

/** The Docker network that connects the services of an environment on this host. */
export function networkName(host: NetworkUse, id: EnvironmentId): string {
  const usual = prefix(id);
  const own = host.networks
    .filter((network) => isOurs(network, id) && !isNamesNetwork(network))
    .map(({ name }) => name);
  if (own.includes(usual)) return usual;
  const [other] = own.sort();
  return other ?? (mayUse(host, usual, id) ? usual : suffixed(usual, id));
}

/** Whether it is the network of the service names of an environment: see service-names.ts. */
export function isNamesNetwork({ labels }: Pick<NetworkFacts, 'labels'>): boolean {
  return labels[label.role] === 'names';
}

/** Returns the problem with the network: another environment, or somebody else, has all its names. */
export function networkProblem(host: NetworkUse, id: EnvironmentId): Failure | undefined {
  const name = networkName(host, id);
  if (mayUse(host, name, id)) return undefined;
  const found = host.networks.find((network) => network.name === name);
  const message = `network ${name} belongs to ${ownerOf(found)}`;
  return new Failure('failed', 'network.taken', message, { hint: `remove it: docker network rm ${name}` });
}

/** Whether the network is free, ours, or used by our containers: the version before shared networks of the same name. */
function mayUse({ networks, containers }: NetworkUse, name: string, id: EnvironmentId): boolean {
  const found = networks.find((network) => network.name === name);
  return (
    found === undefined ||
    isOurs(found, id) ||
    containers.some((container) => isOurs(container, id) && container.networks.includes(name))
  );
}

/** The name of the container that keeps the network up: that of the existing one, or one that is free. */
export function holderName({ containers }: HostFacts, id: EnvironmentId): string {
  const existing = containers.find((container) => isHolder(container, id));
  if (existing !== undefined) return existing.name;
  const usual = `${prefix(id)}-network`;
  return containers.some(({ name }) => name === usual) ? suffixed(usual, id) : usual;
}

/** Whether the container keeps the network of this environment up. */
export function isHolder(container: ContainerFacts, id: EnvironmentId): boolean {
  return container.labels[label.role] === 'network' && isOurs(container, id);
}

/** The name of the volume of a log line on this host: that of the existing one, or one that is free. */
export function lineVolume(
  { volumes }: Pick<HostFacts, 'volumes'>,
  id: EnvironmentId,
  service: string,
  order: number,
): string {
  const existing = volumes.find((volume) => isLine(volume, id, service, order));
  if (existing !== undefined) return existing.name;
  const usual = lineName(id, service, order);
  const taken = volumes.some((volume) => volume.name === usual && !isOurs(volume, id));
  return taken ? suffixed(usual, id) : usual;
}

/** The usual name of the volume that remembers the adopted container of a service. */
export function adoptedName(id: EnvironmentId, service: string): string {
  return `oneclick-adopted-${prefix(id)}-${service}`;
}

/** Whether the volume has the log line of this order. */
export function isLine({ labels }: VolumeFacts, id: EnvironmentId, service: string, order: number): boolean {
  if (labels[label.log] !== `${id.project}/${id.environment}` || labels[label.service] !== service)
    return false;
  const line = parseJson(labels[label.activation] ?? '');
  return typeof line === 'object' && line !== null && 'order' in line && line.order === order;
}

/** The names of a container's network and volumes that differ from the usual ones. */
export interface Names {
  readonly network?: string | undefined;
  /** By the name in the spec. */
  readonly volumes?: Readonly<Record<string, string>> | undefined;
}

/** The names in the spec of its named volumes. */
export function namedVolumes({ volumes }: ContainerSpec): readonly string[] {
  const named = volumes.filter((volume) => !volume.startsWith('/'));
  return [...new Set(named.map((volume) => volume.split(':')[0] ?? ''))];
}

/** Returns the Docker name of a named volume. */
export function volumeName(id: EnvironmentId, name: string, { volumes = {} }: Names): string {
  return volumes[name] ?? `${prefix(id)}-${name}`;
}

/** The labels of a new data volume. */
export function volumeLabels(id: EnvironmentId, name: string): Record<string, string> {
  return { ...environmentLabels(id), [label.volume]: name };
}

/** The containers of a service on a host, for their names. */
export interface NameRequest {
  readonly facts: Facts;
  readonly host: HostFacts;
  readonly id: EnvironmentId;
  readonly service: string;
  readonly spec: ContainerSpec;
  /** The name of a container that the run adopts. */
  readonly adopting?: string | undefined;
}

/** Returns the names for containers of this spec. Returns a Failure if a volume may be somebody else's. */
export function namesFor(request: NameRequest): Names | Failure {
  const { host, id, spec } = request;
  const network = networkName(host, id);
  const volumes: Record<string, string> = {};
  for (const name of namedVolumes(spec)) {
    const found = dataVolume(request, name);
    if (found instanceof Failure) return found;
    if (found !== volumeName(id, name, {})) volumes[name] = found;
  }
  return given({
    network: network === prefix(id) ? undefined : network,
    volumes: Object.keys(volumes).length === 0 ? undefined : volumes,
  });
}

function dataVolume(request: NameRequest, name: string): string | Failure {
  const { host, id } = request;
  const usual = volumeName(id, name, {});
  const own = host.volumes.filter((volume) => isOurs(volume, id) && volume.labels[label.volume] === name);
  const [labelled] = own.map((volume) => volume.name).sort();
  if (labelled !== undefined) return own.some((volume) => volume.name === usual) ? usual : labelled;
  const found = host.volumes.find((volume) => volume.name === usual);
  if (found === undefined || isOurs(found, id) || isUsedByUs(request, usual)) return usual;
  const users = host.containers.filter(({ volumes = [] }) => volumes.includes(usual));
  if (![found, ...users].some(({ labels }) => label.project in labels)) return taken(request, found);
  const other = suffixed(usual, id);
  const foreign = host.volumes.find((volume) => volume.name === other);
  return foreign === undefined ? other : taken(request, foreign);
}

/** Volumes of the version before have no labels: those of our containers are ours, and those of releases in the log. */
function isUsedByUs({ host, id, service, adopting }: NameRequest, name: string): boolean {
  const adopted = containersOf(host, id, service).map((container) => container.id);
  const isOwn = (container: ContainerFacts) =>
    isOurs(container, id) || adopted.includes(container.id) || container.name === adopting;
  const unlabelled = host.volumes.some((volume) => volume.name === name && !(label.project in volume.labels));
  if (!unlabelled) return false;
  if (host.containers.some((container) => isOwn(container) && (container.volumes ?? []).includes(name)))
    return true;
  const specs = Object.values(host.log).flatMap((lines) => lines.map(({ release }) => release.spec));
  return specs.some((spec) => namedVolumes(spec).some((one) => volumeName(id, one, {}) === name));
}

function taken({ host, id }: NameRequest, { name, labels }: VolumeFacts): Failure {
  const message = `volume ${name} exists, and ${ownerOf({ labels })} created it`;
  return new Failure('failed', 'volume.taken', message, {
    host: host.host,
    hint: `remove it, or use its data in ${id.project}/${id.environment}: see docs/configuration.md#volumes`,
  });
}

function ownerOf(found: { readonly labels: NetworkFacts['labels'] } | undefined): string {
  const project = found?.labels[label.project];
  return project === undefined ? 'somebody else' : `${project}/${found?.labels[label.environment]}`;
}

/** Other environments whose containers use the same data, because the version before gave their volumes the same name. */
export function sharedVolumes({ host, id, spec }: NameRequest, names: Names): readonly string[] {
  return namedVolumes(spec).flatMap((name) => {
    const volume = volumeName(id, name, names);
    const users = host.containers.filter(
      (container) =>
        (container.volumes ?? []).includes(volume) &&
        label.project in container.labels &&
        !isOurs(container, id),
    );
    return [...new Set(users.map(ownerOf))].map(
      (owner) => `${host.host}: volume ${volume} is also used by ${owner}`,
    );
  });
}

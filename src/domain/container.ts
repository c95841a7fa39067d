import { createHash } from 'node:crypto';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { given } from './given.js';
import { environmentLabels, label, prefix, releaseOf } from './labels.js';
import { hostLines } from './log.js';
import type { ContainerSpec, Release } from './release.js';
import type { Service } from './service.js';
import type { RunInfo, Subject } from './task.js';

/** Returns the spec of the service's containers, without secret values. */
export function containerSpec(service: Service, image: string): ContainerSpec {
  const { port, health, env, secrets, volumes, command, memory, cpus, user, restart, stop, docker } = service;
  return {
    image,
    health,
    env,
    secrets: [...secrets].sort(),
    volumes,
    restart,
    stop,
    docker,
    ...given({ port, command, memory, cpus, user }),
  };
}

/** Returns a hash that is equal for equal specs, regardless of key order. */
export function specHash(spec: ContainerSpec): string {
  return createHash('sha256').update(canonical(spec)).digest('hex').slice(0, 16);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonical(held)}`).join()}}`;
}

/** The name of a candidate's container that a failed run keeps for its log. Labels cannot change, so the name tells. */
export function failedName(name: string, run: string): string {
  return isNamedFailed(name, run) ? name : `${name}-failed-${run}`;
}

/** Whether a failed run keeps the container for its log: it never runs again, and the next successful release removes it. */
export function isFailed({ name, labels }: Pick<ContainerFacts, 'name' | 'labels'>): boolean {
  const run = labels[label.run];
  return run !== undefined && labels[label.role] === 'service' && isNamedFailed(name, run);
}

const isNamedFailed = (name: string, run: string) => name.endsWith(`-failed-${run}`);

/** Returns the stopped containers of a service that failed runs keep for their logs, those of release commands included. */
export function failedContainers(
  host: HostFacts,
  id: EnvironmentId,
  service: string,
): readonly ContainerFacts[] {
  return host.containers.filter(
    (container) =>
      isOurs(container, id) &&
      container.labels[label.service] === service &&
      (isFailed(container) ||
        (container.labels[label.role] === 'command' &&
          container.state === 'exited' &&
          (container.exit ?? 0) !== 0)),
  );
}

/** Returns the service's containers on a host: those with our labels, and adopted ones by name. None that have failed. */
export function containersOf(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  const adopted = hostLines(host, service).map((line) => line.release.adopted);
  return host.containers.filter(
    (container) =>
      (isOurs(container, id) &&
        container.labels[label.service] === service &&
        container.labels[label.role] === 'service' &&
        !isFailed(container)) ||
      isAdopted(host, service, adopted, container),
  );
}

/** Whether oneclick adopted the container. Compares IDs, or names if an older version adopted it. */
export function isAdopted(
  host: HostFacts,
  service: string,
  names: readonly (string | undefined)[],
  { id, name }: Pick<ContainerFacts, 'id' | 'name'>,
): boolean {
  const known = host.adopted?.[service];
  return known === undefined ? names.includes(name) : id === known && names.some((one) => one !== undefined);
}

/** Whether the container belongs to this environment of this project. */
export function isOurs({ labels }: Pick<ContainerFacts, 'labels'>, id: EnvironmentId): boolean {
  return labels[label.project] === id.project && labels[label.environment] === id.environment;
}

/** Returns the release's container on a host: the running one, or else the newest. */
export function containerOf(
  host: HostFacts,
  id: EnvironmentId,
  service: string,
  release: Release,
): ContainerFacts | undefined {
  const hash = specHash(release.spec);
  const matching = containersOf(host, id, service).filter((container) =>
    release.adopted === undefined
      ? releaseOf(container) === release.number && container.labels[label.spec] === hash
      : isAdopted(host, service, [release.adopted], container),
  );
  return matching.find((container) => container.state === 'running') ?? matching.at(-1);
}

/** Returns an unused container name. Adds the run ID only if the short name is taken. */
export function containerName(host: HostFacts, run: RunInfo, service: string, release: number): string {
  const name = `${prefix(run)}-${service}-${release}`;
  return host.containers.some((container) => container.name === name) ? `${name}-${run.id}` : name;
}

/** Returns the labels of a container that this step creates. */
export function containerLabels(
  subject: Subject,
  service: string,
  release: Release,
  role: 'service' | 'command' | 'exec',
  logCopy?: string,
) {
  const { run } = subject;
  return {
    ...environmentLabels(run),
    [label.service]: service,
    [label.release]: String(release.number),
    [label.reference]: release.reference,
    [label.spec]: specHash(release.spec),
    [label.role]: role,
    [label.run]: run.id,
    [label.step]: `${run.id}/${subject.step}`,
    [label.who]: run.who,
    ...given({ [label.commit]: release.commit, [label.logCopy]: logCopy }),
  };
}

/** Returns the spec with its host port replaced, or unchanged if `port` is undefined. */
export function atHostPort(spec: ContainerSpec, port: number | undefined): ContainerSpec {
  return spec.port === undefined || port === undefined
    ? spec
    : { ...spec, port: { ...spec.port, host: port } };
}

/** Returns a port of the range that neither a process nor any container of the host uses, stopped ones included. */
export function freePort(
  host: HostFacts,
  { from, to }: { readonly from: number; readonly to: number },
): number | undefined {
  const others = host.containers.filter((container) => !isFailed(container));
  const taken = new Set([...host.listening, ...others.flatMap(({ ports }) => ports)]);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index).find((port) => !taken.has(port));
}

/** The parts of a container's configuration that are not in its spec. */
export interface ContainerOptions {
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  /** The container's name on the network; none for a release command, or if it gets one when it is healthy. */
  readonly alias?: string;
  /** Returns the Docker name of a named volume. */
  readonly volumeName: (name: string) => string;
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * Returns the body of `POST /containers/create`. Candidates get the restart policy `no`, so that a crash ends in an exit code.
 * Settings that oneclick manages override the project's `docker:` keys.
 */
export function containerConfig(spec: ContainerSpec, options: ContainerOptions): Record<string, unknown> {
  const { HostConfig: hostConfig, Labels: labels, ...docker } = spec.docker;
  const port = spec.port;
  const containerPort = port === undefined ? undefined : `${port.container}/tcp`;
  const env = [...Object.entries(spec.env), ...options.secrets].map(([name, value]) => `${name}=${value}`);
  return {
    ...docker,
    Image: spec.image,
    Env: env,
    Labels: { ...record(labels), ...options.labels },
    ...given({ Cmd: spec.command, User: spec.user, StopSignal: spec.stop.signal }),
    StopTimeout: Math.ceil(spec.stop.timeout / 1000),
    ...(containerPort === undefined ? {} : { ExposedPorts: { [containerPort]: {} } }),
    HostConfig: {
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      ...record(hostConfig),
      ...given({ Memory: spec.memory }),
      ...(spec.cpus === undefined ? {} : { NanoCpus: Math.round(spec.cpus * 1e9) }),
      Binds: spec.volumes.map((volume) => bind(volume, options.volumeName)),
      RestartPolicy: { Name: 'no' },
      NetworkMode: options.network,
      PortBindings:
        port === undefined || containerPort === undefined
          ? {}
          : { [containerPort]: [{ HostIp: port.address ?? '', HostPort: String(port.host) }] },
    },
    NetworkingConfig: {
      EndpointsConfig: { [options.network]: options.alias === undefined ? {} : { Aliases: [options.alias] } },
    },
  };
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
}

function bind(volume: string, volumeName: (name: string) => string): string {
  if (volume.startsWith('/')) return volume;
  const [name = '', ...rest] = volume.split(':');
  return [volumeName(name), ...rest].join(':');
}

/** Returns a prediction that changes one host in the facts. */
export function withHost(name: string, change: (host: HostFacts) => HostFacts): (facts: Facts) => Facts {
  return (facts) => {
    const host = facts.hosts[name];
    return host === undefined ? facts : { ...facts, hosts: { ...facts.hosts, [name]: change(host) } };
  };
}

/** Returns a prediction that sets the state of containers on a host, and opens or closes their ports. */
export function withState(
  name: string,
  containers: readonly string[],
  state: 'running' | 'exited',
): (facts: Facts) => Facts {
  return withHost(name, (host) => {
    const changed = host.containers.filter((container) => containers.includes(container.name));
    const ports = changed.flatMap((container) => container.ports);
    return {
      ...host,
      containers: host.containers.map((container) =>
        changed.includes(container) ? { ...container, state } : container,
      ),
      listening:
        state === 'running'
          ? [...host.listening, ...ports]
          : host.listening.filter((port) => !ports.includes(port)),
    };
  });
}

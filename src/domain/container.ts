import { createHash } from 'node:crypto';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { given } from './given.js';
import { environmentLabels, label, prefix, releaseOf } from './labels.js';
import type { ContainerSpec, Release } from './release.js';
import type { Service } from './service.js';
import type { RunInfo, Subject } from './task.js';

/** What the containers of a release of this service are made of. */
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

/** Equal for specs that make the same container, whatever the order of their keys. */
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

/** The containers of a service on a host that serve, or did: those with our labels, and an adopted one by its name. */
export function containersOf(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  const adopted = (host.log[service] ?? []).map((line) => line.release.adopted);
  return host.containers.filter(
    (container) =>
      (isOurs(container, id) &&
        container.labels[label.service] === service &&
        container.labels[label.role] === 'service') ||
      adopted.includes(container.name),
  );
}

/** Whether the container belongs to this environment of this project. */
export function isOurs({ labels }: Pick<ContainerFacts, 'labels'>, id: EnvironmentId): boolean {
  return labels[label.project] === id.project && labels[label.environment] === id.environment;
}

/** The container of this release on a host: the running one, or the newest that is kept. */
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
      : container.name === release.adopted,
  );
  return matching.find((container) => container.state === 'running') ?? matching.at(-1);
}

/** The Docker network on which the services of an environment reach each other by name. */
export function networkName(id: EnvironmentId): string {
  return prefix(id);
}

/** A name that no container of the host has, readable first and unique if need be. */
export function containerName(host: HostFacts, run: RunInfo, service: string, release: number): string {
  const name = `${prefix(run)}-${service}-${release}`;
  return host.containers.some((container) => container.name === name) ? `${name}-${run.id}` : name;
}

/** The labels of a container that this step makes. */
export function containerLabels(
  subject: Subject,
  service: string,
  release: Release,
  role: 'service' | 'command' | 'exec',
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
    ...given({ [label.commit]: release.commit }),
  };
}

/** The spec of one container, at the port of the host that it has got; the release's own, where it got none. */
export function atHostPort(spec: ContainerSpec, port: number | undefined): ContainerSpec {
  return spec.port === undefined || port === undefined
    ? spec
    : { ...spec, port: { ...spec.port, host: port } };
}

/** A port of the range that nothing on the host listens on, and no container would, were it started. */
export function freePort(
  host: HostFacts,
  { from, to }: { readonly from: number; readonly to: number },
): number | undefined {
  const taken = new Set([...host.listening, ...host.containers.flatMap(({ ports }) => ports)]);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index).find((port) => !taken.has(port));
}

/** What a container's configuration needs beside the release's spec. */
export interface ContainerOptions {
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  /** The name under which others on the network reach it; none for a release command. */
  readonly alias?: string;
  /** The start of the names of named volumes. */
  readonly volumePrefix: string;
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * The body of `POST /containers/create`. A candidate starts with restart policy `no`, so that a crash is an exit code
 * and not a loop; what oneclick owns wins over the project's `docker:` keys.
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
      Binds: spec.volumes.map((volume) => bind(volume, options.volumePrefix)),
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

/** Named volumes belong to the environment; paths of the host are taken as they are. */
function bind(volume: string, volumePrefix: string): string {
  return volume.startsWith('/') ? volume : `${volumePrefix}-${volume}`;
}

/** The facts with one host changed: what a check says will be true once its step is done. */
export function withHost(name: string, change: (host: HostFacts) => HostFacts): (facts: Facts) => Facts {
  return (facts) => {
    const host = facts.hosts[name];
    return host === undefined ? facts : { ...facts, hosts: { ...facts.hosts, [name]: change(host) } };
  };
}

/** The facts with some containers of a host in another state, and its ports open or closed accordingly. */
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

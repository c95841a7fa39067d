import { isOurs } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import type { Facts, HostFacts, InspectedContainer, VolumeFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { parseJson } from '../domain/json.js';
import { label } from '../domain/labels.js';
import { current, keepsImage, releaseLog } from '../domain/log.js';
import { restoreLogs } from '../domain/log-copy.js';
import { Activation, neededVersion } from '../domain/release.js';
import type { Service } from '../domain/service.js';
import type { Host } from './host.js';
import {
  attempt,
  isPinned,
  keepCurrent,
  pinnedOnHosts,
  type ResolveRequest,
  resolveImages,
} from './resolve-images.js';

/** The facts to read. */
export interface FactsRequest extends EnvironmentId, ResolveRequest {
  /** Current values, used only to name the secrets that differ. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Called with each secret value in a container, which may differ from the current one, so that output can be redacted. */
  readonly onSecret?: (value: string) => void;
}

/** A snapshot of all hosts, with the failures that made it incomplete. */
export interface Snapshot {
  readonly facts: Facts;
  readonly problems: readonly Failure[];
}

/** Reads all hosts in parallel; a host that fails is missing from the facts and listed as a problem. */
export async function readFacts(hosts: readonly Host[], request: FactsRequest): Promise<Snapshot> {
  const problems: Failure[] = [];
  const moving = request.services.filter((service) => hasMutableTag(service) && !isPinned(service));
  const early = resolveImages(hosts, request, moving, problems);
  const read = await Promise.all(
    hosts.map((host) => attempt(problems, host.name, () => readHost(host, request))),
  );
  const byName = Object.fromEntries(read.filter((facts) => facts !== undefined).map((f) => [f.host, f]));
  const known = withRestoredLogs({ hosts: byName, resolved: {} }, request);
  const fresh = request.services.filter(
    (service) => !moving.includes(service) && (hasMutableTag(service) || isUnresolved(known, service)),
  );
  const present = { ...request.resolved, ...pinnedOnHosts(known, fresh) };
  const late = await resolveImages(hosts, { ...request, resolved: present }, fresh, problems);
  const found = await early;
  const kept = keepCurrent(known, found.unreachable, problems);
  return {
    facts: { ...known, resolved: { ...present, ...found.resolved, ...kept, ...late.resolved } },
    problems,
  };
}

function withRestoredLogs(facts: Facts, request: FactsRequest): Facts {
  const restored = restoreLogs(facts, request, request.services);
  if (Object.keys(restored).length === 0) return facts;
  const hosts = Object.entries(facts.hosts).map(([name, host]) => [name, { ...host, restored }] as const);
  return { ...facts, hosts: Object.fromEntries(hosts) };
}

function hasMutableTag(service: Service): boolean {
  return service.image.kind === 'fixed' && service.image.moves === true;
}

/** Whether the release log has no digest for the service's image reference. */
function isUnresolved(facts: Facts, { name, image }: Service): boolean {
  const active = current(releaseLog(facts, name))?.release;
  return active === undefined || !keepsImage(image, active);
}

async function readHost(host: Host, request: FactsRequest): Promise<HostFacts> {
  const scope = `${request.project}/${request.environment}`;
  const [engine, containers, networks, images, volumes, machine] = await Promise.all([
    host.engine.version(),
    host.engine.containers(),
    host.engine.networks(),
    host.engine.images(),
    host.engine.volumes(),
    readMachine(host),
  ]);
  const log = releaseLines(
    host.name,
    volumes.filter(({ labels }) => labels[label.log] === scope),
  );
  reportSecrets(containers, log, request);
  return {
    host: host.name,
    engine: { version: engine.version, platform: engine.platform },
    ...machine,
    containers: containers.map((container) => withoutSecrets(container, request.secrets)),
    networks,
    volumes,
    images,
    log,
    adopted: adoptedIds(volumes.filter((volume) => isOurs(volume, request))),
  };
}

/** Reports the values of all secrets that releases or the configuration name. */
function reportSecrets(
  containers: readonly InspectedContainer[],
  log: HostFacts['log'],
  { services, onSecret, ...id }: FactsRequest,
): void {
  const logged = Object.values(log).flatMap((lines) => lines.flatMap(({ release }) => release.spec.secrets));
  const names = new Set([...services.flatMap(({ secrets }) => secrets), ...logged]);
  for (const { env, labels } of containers) {
    if (!isOurs({ labels }, id)) continue;
    for (const [name, value] of variablesOf(env)) if (names.has(name)) onSecret?.(value);
  }
}

const variablesOf = (env: readonly string[]): ReadonlyMap<string, string> =>
  new Map(env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

/** Replaces a container's environment, which may hold secrets, with the names of the secrets that differ. */
function withoutSecrets(container: InspectedContainer, secrets: ReadonlyMap<string, string>) {
  const { env, ...facts } = container;
  const values = variablesOf(env);
  const stale = [...secrets].filter(([name, value]) => values.has(name) && values.get(name) !== value);
  return { ...facts, staleSecrets: stale.map(([name]) => name) };
}

const machineScript =
  'df -Pk /var/lib/docker 2>/dev/null || df -Pk /; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; :';

async function readMachine(host: Host): Promise<Pick<HostFacts, 'diskFree' | 'diskSize' | 'listening'>> {
  const { stdout } = await host.run({ argv: ['sh', '-c', machineScript], timeout: 15_000 });
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const [, size, , free] = lines.find((fields) => fields[4]?.endsWith('%')) ?? [];
  const listening = lines
    .filter((fields) => fields[3] === '0A' && fields[1]?.includes(':'))
    .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
  return {
    ...(free === undefined ? {} : { diskFree: Number(free) * 1024 }),
    ...(size === undefined ? {} : { diskSize: Number(size) * 1024 }),
    listening: [...new Set(listening)],
  };
}

function releaseLines(host: string, volumes: readonly VolumeFacts[]): HostFacts['log'] {
  const log: Record<string, Activation[]> = {};
  for (const volume of volumes) {
    const service = volume.labels[label.service] ?? '';
    const json = parseJson(volume.labels[label.activation] ?? '');
    const line = Activation.safeParse(json);
    if (!line.success) throw unreadable(host, volume.name, neededVersion(json));
    log[service] = [...(log[service] ?? []), line.data].sort((a, b) => a.order - b.order);
  }
  return log;
}

function adoptedIds(volumes: readonly VolumeFacts[]): Record<string, string> {
  return Object.fromEntries(
    volumes.flatMap(({ labels }) => {
      const id = labels[label.adopted];
      return id === undefined ? [] : [[labels[label.service] ?? '', id]];
    }),
  );
}

function unreadable(host: string, volume: string, version: string | undefined): Failure {
  const message = `cannot read the release log line in volume ${volume}`;
  return version === undefined
    ? new Failure('failed', 'log.unreadable', message, {
        host,
        hint: `run on ${host}: docker volume inspect ${volume}`,
      })
    : new Failure('failed', 'log.newer', `${message}: it needs oneclick ${version} or later`, {
        host,
        hint: 'update oneclick',
      });
}

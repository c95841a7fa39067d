import { z } from 'zod';
import {
  atHostPort,
  containerLabels,
  containerName,
  containerOf,
  freePort,
  withHost,
} from '../domain/container.js';
import type { ContainerFacts, Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { label } from '../domain/labels.js';
import { lastLines, logCopy } from '../domain/log-copy.js';
import { type MissingSecret, MissingSecrets, missingSecrets } from '../domain/missing-secrets.js';
import { namesFor, sharedVolumes } from '../domain/names.js';
import { Activation, type ContainerSpec, creationProblem, Release } from '../domain/release.js';
import { isUp, Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { serviceConfig } from './container-config.js';
import { createCommand } from './explain-docker.js';
import { keepFailed } from './failed-container.js';
import { ensureDataVolumes, volumeCommands } from './own-names.js';
import { joinNames, joinNamesCommand, membershipOf, NamesMembership } from './service-names.js';
import { hostName, instanceOf, task } from './task.js';

const Created = z.strictObject({
  name: z.string(),
  /** The published port of the host. */
  port: z.int().optional(),
});

const CreateIntent = z.strictObject({
  name: z.string(),
  release: Release,
  /** From the release's port range, if it has one. */
  port: z.int().optional(),
  /** The last lines of the release log, for a label. */
  log: z.array(Activation).optional(),
  /** Names that differ from the usual ones. */
  network: z.string().optional(),
  volumes: z.record(z.string(), z.string()).optional(),
  /** The network of the service names, if the host has one. */
  names: NamesMembership.optional(),
});

/** Creates the container of a release, or reuses the one that the host has kept. */
export const containerCreate = task({
  name: 'container.create',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Creates the new container before touching the old one, or reuses a kept container.',
  provides: 'container',
  input: z.strictObject({ rollout: Rollout, canary: z.boolean().default(false) }),
  intent: CreateIntent,
  receipt: Created,
  defaults: { rollout: '{{ rollout }}' },
  title: ({ rollout }, { service }) => `create ${service?.name} release ${rollout.release.number}`,
  check(facts, { rollout, canary }, subject) {
    const { service, host } = instanceOf(facts, subject);
    const { release } = rollout;
    const missing = missingSecrets(facts, release.spec.secrets);
    const kept = keptContainer(host, subject, service, rollout);
    if (kept !== undefined) {
      if (missing.length > 0 && rollout.todaysSecrets && !isUp(kept))
        return { kind: 'blocked', problems: [cannotCreate(missing, subject, host, rollout)] };
      const because = isUp(kept)
        ? `release ${release.number} already runs as ${kept.name}`
        : `${kept.name} was kept`;
      const stale = staleNote(kept, release) + unknownNote(facts, rollout);
      const receipt = { name: kept.name, ...portOf(release.spec, kept.ports[0]) };
      return { kind: 'done', because: because + stale, receipt, ...(stale === '' ? {} : { news: true }) };
    }
    if (release.adopted !== undefined) {
      const message = `release 0 was the container ${release.adopted}, which is gone`;
      const hint = 'deploy a new release: oneclick deploy';
      return {
        kind: 'blocked',
        problems: [new Failure('failed', 'adopt.gone', message, { host: host.host, hint })],
      };
    }
    const newer = creationProblem(service.name, release, host.host);
    if (newer !== undefined) return { kind: 'blocked', problems: [newer] };
    const name = containerName(host, subject.run, service.name, release.number);
    const isCreated = host.containers.some((container) => isCreatedBy(subject, container));
    if (missing.length > 0 && !isCreated)
      return { kind: 'blocked', problems: [cannotCreate(missing, subject, host, rollout)] };
    const range = release.spec.port?.range;
    const free = range === undefined ? undefined : freePort(host, range);
    if (range !== undefined && free === undefined)
      return { kind: 'blocked', problems: [noFreePort(host, service, range)] };
    const adopting = rollout.adopted?.adopted;
    const request = { facts, host, id: subject.run, service: service.name, spec: release.spec, adopting };
    const names = namesFor(request);
    if (names instanceof Failure) return { kind: 'blocked', problems: [names] };
    const cautions = sharedVolumes(request, names);
    const membership = membershipOf(host, subject, service);
    const log = lastLines(facts, service, rollout, subject.run, canary);
    const labels = containerLabels(subject, service.name, release, 'service', logCopy(log));
    const created = candidate(name, labels, atHostPort(release.spec, free));
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `create ${name} from ${release.reference}` }],
      intent: { name, release, log, ...given({ port: free, names: membership }), ...names },
      ...(cautions.length === 0 ? {} : { cautions }),
      expect: { name, ...portOf(release.spec, free) },
      predict: withHost(host.host, (known) => ({ ...known, containers: [...known.containers, created] })),
    };
  },
  explain({ name, release, port, log, names: membership, ...names }, subject) {
    const host = hostName(subject);
    const why = `create ${name} before touching the old container`;
    const config = serviceConfig({ release, port, log }, subject, names);
    const create = createCommand(host, why, name, config, release.spec.secrets);
    const join = membership === undefined ? [] : [joinNamesCommand(host, name, membership)];
    return [...volumeCommands(host, release.spec, subject.run, names), create, ...join];
  },
  async apply({ ports, subject }, { name, release, port, log, names: membership, ...names }) {
    const { engine } = ports.host(hostName(subject));
    const secrets = await ports.secrets(release.spec.secrets).catch(async (error: unknown) => {
      // A resumed run may have created it already.
      const found = await engine.container(name);
      if (found === undefined || !isCreatedBy(subject, found)) throw error;
      return undefined;
    });
    if (secrets !== undefined) {
      const config = serviceConfig({ release, port, log }, subject, names, secrets);
      await ensureDataVolumes(engine, release.spec, subject.run, names);
      await engine.create({ name, config });
      if (membership !== undefined) await joinNames(engine, name, membership, subject.run);
    }
    return { name, ...portOf(release.spec, port) };
  },
  async undo({ ports, subject }, { name }) {
    const { engine } = ports.host(hostName(subject));
    const found = await engine.container(name);
    if (found === undefined || !isCreatedBy(subject, found)) return;
    if (found.state === 'created' || found.state === 'dead') await engine.remove(found.id);
    else await keepFailed(engine, found, subject);
  },
});

const isCreatedBy = ({ run, step }: Subject, { labels }: ContainerFacts) =>
  labels[label.step] === `${run.id}/${step}`;

function keptContainer(
  host: HostFacts,
  subject: Subject,
  service: Service,
  rollout: Rollout,
): ContainerFacts | undefined {
  if (rollout.kind === 'deploy') return undefined;
  const found = containerOf(host, subject.run, service.name, rollout.release);
  if (found === undefined || found.state === 'dead' || found.state === 'removing') return undefined;
  const stale = staleSecrets(found, rollout.release).length > 0;
  return stale && rollout.todaysSecrets && !isUp(found) ? undefined : found;
}

function portOf({ port }: ContainerSpec, own: number | undefined): { port?: number } {
  const host = port?.range === undefined ? port?.host : own;
  return given({ port: host });
}

function noFreePort(host: HostFacts, { name }: Service, { from, to }: { from: number; to: number }): Failure {
  return new Failure('failed', 'port.none', `${name} has no free port from ${from} to ${to}`, {
    ...{
      host: host.host,
      hint: `change the range in oneclick.yml, such as port_range: ${to + 1}-${to + 1000}`,
    },
  });
}

function staleNote(container: ContainerFacts, release: Release): string {
  const names = staleSecrets(container, release);
  if (names.length === 0) return '';
  return `, with older values of ${names.join(', ')} (pass --current-secrets to update them)`;
}

/** Other services may have secrets with the names of variables of this one. */
function staleSecrets({ staleSecrets: names = [] }: ContainerFacts, { spec }: Release): readonly string[] {
  return names.filter((name) => spec.secrets.includes(name));
}

/** A deploy cannot tell whether secrets without a value have changed. */
function unknownNote({ secrets }: Facts, { kind, todaysSecrets, release }: Rollout): string {
  if (kind !== 'same' && !todaysSecrets) return '';
  const names = release.spec.secrets.filter((name) => Object.hasOwn(secrets?.missing ?? {}, name));
  return names.length === 0 ? '' : `, without comparing ${names.join(', ')} (no value here)`;
}

function cannotCreate(
  missing: readonly MissingSecret[],
  { run, service }: Subject,
  { host }: HostFacts,
  { kind, release }: Rollout,
): MissingSecrets {
  const neededBy = kind === 'deploy' ? [] : [`${service?.name} release ${release.number} on ${host}`];
  return new MissingSecrets(missing, run.environment, { host, neededBy });
}

function candidate(name: string, labels: Record<string, string>, spec: ContainerSpec): ContainerFacts {
  return {
    id: name,
    name,
    labels,
    image: spec.image,
    state: 'created',
    restart: 'no',
    ports: spec.port === undefined ? [] : [spec.port.host],
    networks: [],
  };
}

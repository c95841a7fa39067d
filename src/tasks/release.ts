import { z } from 'zod';
import { withHost } from '../domain/container.js';
import { optionPairs } from '../domain/create-command.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { environmentLabels, label } from '../domain/labels.js';
import { canaryOf, lineName, maxLogLines, releaseLog } from '../domain/log.js';
import { dockerOn } from '../domain/plain-command.js';
import { Activation } from '../domain/release.js';
import { promotionOf, rollbackTarget } from '../domain/rollback-target.js';
import { activationsOf, Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import type { Host } from '../host/host.js';
import { serviceOf, task } from './task.js';

/** Chooses the release to roll back to, or the canary to promote. */
export const releaseRecall = task({
  name: 'release.recall',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  dependsOnCurrent: true,
  summary: 'Chooses the previous release, the requested one, or the canary.',
  provides: 'recalled',
  input: z.strictObject({ to: z.int().min(0).optional(), canary: z.boolean().default(false) }),
  intent: z.strictObject({}),
  receipt: z.strictObject({ number: z.int(), image: z.string(), reference: z.string() }),
  title: ({ canary }, subject) =>
    `choose the release of ${serviceOf(subject).name} to ${canary ? 'promote' : 'roll back to'}`,
  check(facts, { to, canary }, subject) {
    const service = serviceOf(subject);
    const recall = canary
      ? promotionOf(facts, subject, service)
      : rollbackTarget(facts, subject, service, to);
    if (recall instanceof Failure) return { kind: 'blocked', problems: [recall] };
    const { from, to: back } = recall;
    const { number, reference, spec } = back;
    const same = number === from.number;
    const because = same
      ? `stay on release ${number} (${canary ? 'no canary' : 'not part of the last run'})`
      : `${canary ? 'promote' : 'roll back'} from release ${from.number} to ${number} (${reference})`;
    return { kind: 'done', because, receipt: { number, reference, image: spec.image }, news: true };
  },
  explain: () => [],
  apply: () => Promise.reject(new Error('release.recall has nothing to apply')),
  undo: 'nothing',
});

const CommitIntent = z.strictObject({
  /** The missing lines, by host. */
  lines: z.record(z.string(), z.array(Activation)),
  order: z.int(),
});

/** Makes a release current, or a canary, by a line in the release log of every host. */
export const releaseCommit = task({
  name: 'release.commit',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  summary: 'Activates the release in the release log of every host.',
  commits: true,
  input: z.strictObject({ rollout: Rollout, canary: z.boolean().default(false) }),
  intent: CommitIntent,
  receipt: z.strictObject({ order: z.int() }),
  defaults: { rollout: '{{ rollout }}' },
  title: ({ rollout, canary }, { service }) =>
    `${canary ? 'mark' : 'activate'} ${service?.name} release ${rollout.release.number}${canary ? ' as a canary' : ''}`,
  check(facts, { rollout, canary }, subject) {
    const service = serviceOf(subject);
    if (canary && rollout.before === undefined) return { kind: 'blocked', problems: [noReleaseYet(service)] };
    const other = canaryOf(facts, service.name)?.number;
    const isCanary = canary && other === rollout.release.number;
    if (canary && other !== undefined && !isCanary)
      return { kind: 'blocked', problems: [canaryExists(service, other)] };
    const log = releaseLog(facts, service.name);
    const wanted = [...log, ...(isCanary ? [] : newLines(rollout, subject, log, canary))];
    const lines = missingLines(facts, service, wanted);
    const hosts = Object.keys(lines);
    if (hosts.length === 0) {
      const because = `release ${rollout.release.number} is already in the log of every host`;
      return { kind: 'done', because, receipt: { order: rollout.order } };
    }
    return {
      kind: 'todo',
      changes: hosts.map((host) => ({
        host,
        text: `record ${service.name} release ${rollout.release.number} as ${canary ? 'a canary' : 'current'}`,
      })),
      intent: { lines, order: rollout.order },
      expect: { order: rollout.order },
      predict: (later) =>
        hosts.reduce((known, host) => withHost(host, withLines(service.name, wanted))(known), later),
    };
  },
  explain: ({ lines }, subject) =>
    Object.entries(lines).flatMap(([host, missing]) =>
      missing.map((line) => {
        const { name, labels } = volumeOf(line, subject);
        const why = `record the activation of release ${line.release.number} (no automatic rollback from here)`;
        return dockerOn(host, why, 'volume', 'create', ...optionPairs('--label', labels), name);
      }),
    ),
  async apply({ ports, subject, warn }, { lines, order }) {
    const written = await Promise.allSettled(
      Object.entries(lines).map(([host, missing]) => writeLines(ports.host(host), subject, missing)),
    );
    const failures = written.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (failures.length === 0) return { order };
    if (failures.length === written.length) throw commitFailure(failures);
    for (const failure of failures) {
      if (!(failure instanceof Failure)) throw failure;
      warn(`${failure.host}: cannot record the release: ${failure.message} (the next run retries it)`);
    }
    return { order };
  },
  async undo({ ports, subject }, { lines, order }) {
    for (const host of Object.keys(lines)) {
      const { engine } = ports.host(host);
      const found = await engine.volumes(`${label.log}=${subject.run.project}/${subject.run.environment}`);
      if (!found.some(({ name }) => name === lineName(subject.run, serviceOf(subject).name, order))) continue;
      throw new Failure('changed', 'commit.done', 'the new release is already in the release log', {
        host,
        hint: 'run: oneclick rollback',
      });
    }
  },
});

function noReleaseYet({ name }: Service): Failure {
  return new Failure('usage', 'canary.first', `${name} has no release yet, so it cannot run a canary`, {
    hint: `run: oneclick deploy ${name}`,
  });
}

function canaryExists({ name }: Service, number: number): Failure {
  return new Failure('usage', 'canary.other', `${name} already has a canary, release ${number}`, {
    hint: `run: oneclick promote ${name}, or: oneclick rollback ${name}`,
  });
}

/** If no host has the line, the release is not active; if a host was lost, that is unknown. */
function commitFailure(failures: readonly unknown[]): unknown {
  const [first] = failures;
  const lost = failures.find((failure) => failure instanceof Failure && failure.kind === 'unreachable');
  if (!(lost instanceof Failure)) return first;
  return new Failure(
    'changed',
    'commit.unknown',
    `cannot tell whether the release was activated: ${lost.message}`,
    {
      ...given({ host: lost.host }),
      hint: 'run: oneclick status, then: oneclick resume',
    },
  );
}

/** Services of one run share its order, so each compares its own lines only. */
function newLines(
  rollout: Rollout,
  { run }: Subject,
  log: readonly Activation[],
  canary: boolean,
): readonly Activation[] {
  const { release, order } = rollout;
  const logged = log.some(
    (line) => line.order === order && line.run === run.id && line.release.number === release.number,
  );
  return logged ? [] : activationsOf(rollout, run, canary);
}

function missingLines(
  facts: Facts,
  service: Service,
  wanted: readonly Activation[],
): Record<string, Activation[]> {
  const recent = wanted.slice(-maxLogLines);
  const missing = service.instances.map(({ host }) => {
    const known = new Set((facts.hosts[host]?.log[service.name] ?? []).map((line) => line.order));
    return [host, recent.filter((line) => !known.has(line.order))] as const;
  });
  return Object.fromEntries(missing.filter(([, lines]) => lines.length > 0));
}

function withLines(service: string, lines: readonly Activation[]): (host: HostFacts) => HostFacts {
  return (host) => ({ ...host, log: { ...host.log, [service]: lines } });
}

/** A log line is the labels of an empty volume: atomic, and it needs no permission but the engine's. */
function volumeOf(line: Activation, subject: Subject) {
  const { run } = subject;
  const service = serviceOf(subject).name;
  const labels = {
    ...environmentLabels(run),
    [label.service]: service,
    [label.log]: `${run.project}/${run.environment}`,
    [label.activation]: JSON.stringify(line),
  };
  return { name: lineName(run, service, line.order), labels };
}

async function writeLines(host: Host, subject: Subject, lines: readonly Activation[]): Promise<void> {
  for (const line of lines) {
    const { name, labels } = volumeOf(line, subject);
    await host.engine.ensureVolume(name, labels);
  }
}

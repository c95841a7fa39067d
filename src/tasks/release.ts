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
import { Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import type { Host } from '../host/host.js';
import { serviceOf, task } from './task.js';

/** Chooses the release that a rollback brings back, or the canary that is put everywhere. */
export const releaseRecall = task({
  name: 'release.recall',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  dependsOnCurrent: true,
  summary: 'Chooses the activation before the current one, or the release asked for, or the canary.',
  provides: 'recalled',
  input: z.strictObject({ to: z.int().min(0).optional(), canary: z.boolean().default(false) }),
  intent: z.strictObject({}),
  receipt: z.strictObject({ number: z.int(), image: z.string(), reference: z.string() }),
  title: ({ canary }, subject) =>
    `choose the release of ${serviceOf(subject).name} to bring ${canary ? 'everywhere' : 'back'}`,
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
      ? `${service.name} ${canary ? 'has no canary' : 'was not part of the last run'}: it stays on release ${number}`
      : `${service.name} goes ${canary ? 'on' : 'back'} from release ${from.number} to ${number} (${reference})`;
    return { kind: 'done', because, receipt: { number, reference, image: spec.image }, news: true };
  },
  explain: () => [],
  apply: () => Promise.reject(new Error('release.recall has nothing to apply')),
  undo: 'nothing',
});

const CommitIntent = z.strictObject({
  /** By host: the lines that it lacks. */
  lines: z.record(z.string(), z.array(Activation)),
  order: z.int(),
});

/** Makes the new release the current one, or a canary beside it, by a line in the log of every host. */
export const releaseCommit = task({
  name: 'release.commit',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  summary: 'Writes the new release into the release log of every host: from here on only forward.',
  commits: true,
  input: z.strictObject({ rollout: Rollout, canary: z.boolean().default(false) }),
  intent: CommitIntent,
  receipt: z.strictObject({ order: z.int() }),
  defaults: { rollout: '{{ rollout }}' },
  title: ({ rollout, canary }, { service }) =>
    `make ${service?.name} release ${rollout.release.number} ${canary ? 'a canary' : 'the current one'}`,
  check(facts, { rollout, canary }, subject) {
    const service = serviceOf(subject);
    if (canary && rollout.before === undefined) return { kind: 'blocked', problems: [firstCanary(service)] };
    const other = canaryOf(facts, service.name)?.number;
    const isCanary = canary && other === rollout.release.number;
    if (canary && other !== undefined && !isCanary)
      return { kind: 'blocked', problems: [otherCanary(service, other)] };
    const log = releaseLog(facts, service.name);
    const wanted = [...log, ...(isCanary ? [] : newLines(rollout, subject, log, canary))];
    const lines = missingLines(facts, service, wanted);
    const hosts = Object.keys(lines);
    if (hosts.length === 0) {
      const because = `release ${rollout.release.number} is in the log of every host`;
      return { kind: 'done', because, receipt: { order: rollout.order } };
    }
    return {
      kind: 'todo',
      changes: hosts.map((host) => ({
        host,
        text: `log ${service.name} release ${rollout.release.number}${canary ? ' as a canary' : ''}`,
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
        const why = `log that release ${line.release.number} is the current one: from here on only forward`;
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
      warn(`${failure.host}: the release is not in its log (${failure.message}); the next run mends that`);
    }
    return { order };
  },
  async undo({ ports, subject }, { lines, order }) {
    for (const host of Object.keys(lines)) {
      const { engine } = ports.host(host);
      const found = await engine.volumes(`${label.log}=${subject.run.project}/${subject.run.environment}`);
      if (!found.some(({ name }) => name === lineName(subject.run, serviceOf(subject).name, order))) continue;
      throw new Failure('changed', 'commit.done', 'the new release is in the release log already', {
        host,
        hint: 'bring the old one back: oneclick rollback',
      });
    }
  },
});

function firstCanary({ name }: Service): Failure {
  return new Failure('usage', 'canary.first', `${name} has no release yet that a canary could run beside`, {
    hint: `oneclick deploy ${name}`,
  });
}

function otherCanary({ name }: Service, number: number): Failure {
  return new Failure('usage', 'canary.other', `${name} has a canary already, release ${number}`, {
    hint: `oneclick promote ${name}, or oneclick rollback ${name}`,
  });
}

/** What no host has written is not activated; where the answer was lost, nobody knows. */
function commitFailure(failures: readonly unknown[]): unknown {
  const [first] = failures;
  const lost = failures.find((failure) => failure instanceof Failure && failure.kind === 'unreachable');
  if (!(lost instanceof Failure)) return first;
  return new Failure(
    'changed',
    'commit.unknown',
    `it is not known whether the release was logged: ${lost.message}`,
    {
      ...given({ host: lost.host }),
      hint: 'look, then go on: oneclick status, oneclick resume',
    },
  );
}

/** Services that one run activates share its order, so that only their own lines tell them apart. */
function newLines(
  rollout: Rollout,
  { run }: Subject,
  log: readonly Activation[],
  canary: boolean,
): readonly Activation[] {
  const common = { run: run.id, who: run.who, at: run.started };
  const { adopted, release, order, kind } = rollout;
  const logged =
    kind === 'same' ||
    log.some((line) => line.order === order && line.run === run.id && line.release.number === release.number);
  if (logged) return [];
  const zero: Activation[] =
    adopted === undefined ? [] : [{ ...common, order: order - 1, kind: 'adopt', release: adopted }];
  const name = canary ? 'canary' : kind === 'rollback' ? 'rollback' : 'deploy';
  return [...zero, { ...common, order, kind: name, release }];
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

/**
 * A line is a volume without data whose labels hold it. Whoever may use a host's engine can read and write it, no other
 * permission or folder is needed, and it is made at once or not at all.
 */
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

import { z } from 'zod';
import { withHost } from '../domain/container.js';
import { optionPairs } from '../domain/create-command.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { environmentLabels, label } from '../domain/labels.js';
import { canaryOf, hostLines, lineName, maxLogLines, releaseLog } from '../domain/log.js';
import { adoptedName, isLine, lineVolume } from '../domain/names.js';
import { dockerOn } from '../domain/plain-command.js';
import { Activation } from '../domain/release.js';
import { promotionOf, rollbackTarget } from '../domain/rollback-target.js';
import { activationsOf, Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { ensureOwnVolume } from './own-names.js';
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
  /** Names of volumes that differ from the usual ones, by host and order. */
  names: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  /** IDs of adopted containers that are to be remembered, by host; empty for a host without one. */
  adopted: z.record(z.string(), z.string()).optional(),
});
type CommitIntent = z.infer<typeof CommitIntent>;

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
    const adopted = adoptedIds(facts, subject, lines);
    return {
      kind: 'todo',
      changes: hosts.map((host) => ({
        host,
        text: `record ${service.name} release ${rollout.release.number} as ${canary ? 'a canary' : 'current'}`,
      })),
      intent: {
        ...{ lines, order: rollout.order },
        ...given({ names: otherNames(facts, subject, lines), adopted }),
      },
      expect: { order: rollout.order },
      predict: (later) =>
        hosts.reduce((known, host) => withHost(host, withLines(service.name, wanted, adopted))(known), later),
    };
  },
  explain: (intent, subject) =>
    Object.keys(intent.lines).flatMap((host) =>
      volumesOf(intent, subject, host).map(({ why, name, labels }) =>
        dockerOn(host, why, 'volume', 'create', ...optionPairs('--label', labels), name),
      ),
    ),
  async apply({ ports, subject, warn }, intent) {
    const { lines, order } = intent;
    const written = await Promise.allSettled(
      Object.keys(lines).map(async (host) => {
        const { engine } = ports.host(host);
        for (const volume of volumesOf(intent, subject, host))
          await ensureOwnVolume(engine, volume, subject.run);
      }),
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
      if (!found.some((volume) => isLine(volume, subject.run, serviceOf(subject).name, order))) continue;
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

function withLines(
  service: string,
  lines: readonly Activation[],
  adopted: CommitIntent['adopted'],
): (host: HostFacts) => HostFacts {
  return (host) => {
    const id = adopted?.[host.host];
    return {
      ...{ ...host, log: { ...host.log, [service]: lines } },
      adopted: { ...host.adopted, ...(id === undefined ? {} : { [service]: id }) },
    };
  };
}

/** A volume that keeps its labels, and nothing else. */
interface LabelVolume {
  readonly why: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The volumes to create on a host. A log line is the labels of an empty volume: atomic, and it needs no permission but the engine's. */
function volumesOf({ lines, names, adopted }: CommitIntent, subject: Subject, host: string): LabelVolume[] {
  const { run } = subject;
  const service = serviceOf(subject).name;
  const own = { ...environmentLabels(run), [label.service]: service };
  const id = adopted?.[host];
  // First: with a line but without the ID, the container would be known by its name only.
  const remember: LabelVolume[] =
    id === undefined
      ? []
      : [
          {
            why: 'record the ID of the adopted container',
            name: adoptedName(run, service),
            labels: { ...own, [label.adopted]: id },
          },
        ];
  const log = (lines[host] ?? []).map((line) => ({
    why: `record the activation of release ${line.release.number} (no automatic rollback from here)`,
    name: names?.[host]?.[line.order] ?? lineName(run, service, line.order),
    labels: {
      ...own,
      [label.log]: `${run.project}/${run.environment}`,
      [label.activation]: JSON.stringify(line),
    },
  }));
  return [...remember, ...log];
}

/** Names of volumes that differ from the usual ones, because another environment has these. */
function otherNames(facts: Facts, subject: Subject, lines: CommitIntent['lines']): CommitIntent['names'] {
  const { run } = subject;
  const service = serviceOf(subject).name;
  const byHost = Object.entries(lines).flatMap(([host, missing]) => {
    const known = facts.hosts[host];
    if (known === undefined) return [];
    const named = missing.map(
      ({ order }) => [String(order), lineVolume(known, run, service, order)] as const,
    );
    const others = named.filter(([order, name]) => name !== lineName(run, service, Number(order)));
    return others.length === 0 ? [] : [[host, Object.fromEntries(others)] as const];
  });
  return byHost.length === 0 ? undefined : Object.fromEntries(byHost);
}

/**
 * IDs of adopted containers that hosts do not remember yet: of this run, or of the version before, which knew only names. A host that
 * gets the line of the adoption as a copy has adopted nothing: a container with that name is another one.
 */
function adoptedIds(facts: Facts, subject: Subject, lines: CommitIntent['lines']): CommitIntent['adopted'] {
  const service = serviceOf(subject).name;
  const ids = Object.entries(lines).flatMap(([host, missing]) => {
    const known = facts.hosts[host];
    if (known === undefined || known.adopted?.[service] !== undefined) return [];
    const own = hostLines(known, service);
    const isHere = (line: Activation) => own.some(({ order }) => order === line.order);
    const adoption = [...own, ...missing].find(({ kind }) => kind === 'adopt');
    if (adoption === undefined) return [];
    const isOwn = adoption.run === subject.run.id || isHere(adoption);
    const found = known.containers.find(({ name }) => isOwn && name === adoption.release.adopted);
    return [[host, found?.id ?? ''] as const];
  });
  return ids.length === 0 ? undefined : Object.fromEntries(ids);
}

import { z } from 'zod';
import { specHash } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { releaseLog } from '../domain/log.js';
import type { Activation } from '../domain/release.js';
import { changedSecrets, leftoverContainers, Rollout, rolloutOf, rolloutTo } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { runningUnconfigured } from '../domain/unconfigured.js';
import { ResolvedImage } from './image.js';
import { serviceOf, task } from './task.js';

/** Decides once which release replaces which. */
export const rolloutResolve = task({
  name: 'rollout.resolve',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  summary: 'Chooses the release to roll out: a new one, the current one, or one from the release log.',
  provides: 'rollout',
  input: z.strictObject({
    image: ResolvedImage.optional(),
    /** The number of a logged release; if absent, the image becomes a new release. */
    release: z.int().min(0).optional(),
    /** A container to take over as release 0. */
    adopt: z.string().optional(),
    todaysSecrets: z.boolean().default(false),
    /** Whether the current release stays. */
    canary: z.boolean().default(false),
  }),
  intent: z.strictObject({}),
  receipt: Rollout,
  defaults: { image: '{{ image }}' },
  title: (_, subject) => `choose the release of ${serviceOf(subject).name}`,
  check(facts, input, subject) {
    const service = serviceOf(subject);
    const problem = adoptProblem(facts, service, input.adopt);
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const rollout = decide(facts, input, subject);
    if (rollout === undefined) {
      const known = releaseLog(facts, service.name).map((line) => line.release.number);
      const message = `${service.name} has no release ${input.release}${available(known)}`;
      const hint = known.length === 0 ? `run: oneclick deploy ${service.name}` : 'run: oneclick releases';
      return { kind: 'blocked', problems: [new Failure('usage', 'release.unknown', message, { hint })] };
    }
    const because = [
      describe(rollout, input.canary),
      secretsNote(facts, subject, rollout),
      leftovers(facts, subject),
      restored(facts, service),
    ].join('');
    const cautions = runningUnconfigured(facts, subject.run, singletonsOf(subject));
    return {
      kind: 'done',
      because,
      receipt: rollout,
      news: true,
      ...(cautions.length > 0 ? { cautions } : {}),
    };
  },
  explain: () => [],
  apply: () => Promise.reject(new Error('rollout.resolve has nothing to apply')),
  undo: 'nothing',
});

/** A run moves its singletons by itself. */
const singletonsOf = ({ services }: Subject) =>
  services.filter(({ singleton }) => singleton).map(({ name }) => name);

const available = (names: readonly (string | number)[]) =>
  names.length === 0 ? '' : ` (available: ${[...new Set(names)].join(', ')})`;

type Input = {
  image?: z.infer<typeof ResolvedImage> | undefined;
  release?: number | undefined;
  adopt?: string | undefined;
  todaysSecrets: boolean;
};

function decide(facts: Facts, input: Input, subject: Subject): Rollout | undefined {
  const service = serviceOf(subject);
  if (input.release !== undefined) return rolloutTo(facts, service, input.release, input.todaysSecrets);
  if (input.image === undefined) throw new Error(`${subject.step}: bound without image and release`);
  const isRepeated = hasAdopted(releaseLog(facts, service.name), input.adopt);
  return rolloutOf(facts, subject.run, service, input.image, isRepeated ? undefined : input.adopt);
}

function describe({ kind, release, before, adopted }: Rollout, canary: boolean): string {
  const name = `release ${release.number} (${release.reference})`;
  if (kind === 'same') return `${name} is already current`;
  if (adopted !== undefined) return `${name} replaces ${adopted.adopted}, kept as release 0`;
  if (before === undefined) return `${name} is the first release`;
  return `${name} ${canary ? 'runs as a canary next to' : 'replaces'} release ${before.number}`;
}

/** Rotated secrets are in no configuration: without them the plan would not say why it replaces a release. */
function secretsNote(facts: Facts, subject: Subject, { kind, release, before }: Rollout): string {
  if (kind !== 'deploy' || before === undefined) return '';
  const changed = changedSecrets(facts, subject.run, serviceOf(subject)).join(', ');
  if (changed === '') return '';
  return specHash(release.spec) === specHash(before.spec)
    ? `, because ${changed} changed`
    : `, with new values of ${changed}`;
}

function leftovers(facts: Facts, subject: Subject): string {
  const service = serviceOf(subject);
  const found = service.instances.flatMap(({ host }) => {
    const known = facts.hosts[host];
    return known === undefined
      ? []
      : leftoverContainers(known, facts, subject.run, service.name, subject.run.id).map(() => host);
  });
  return found.length === 0 ? '' : `; a run that died left containers on ${[...new Set(found)].join(', ')}`;
}

function restored({ hosts }: Facts, { name }: Service): string {
  return Object.values(hosts).every((host) => host.restored?.[name] === undefined)
    ? ''
    : '; the release log was lost and is rebuilt from the labels of containers';
}

/** Whether a run has adopted the container before, as when the same command is repeated. */
function hasAdopted(log: readonly Activation[], name: string | undefined): boolean {
  return log.some(({ kind, release }) => kind === 'adopt' && release.adopted === name);
}

function adoptProblem(facts: Facts, service: Service, adopt: string | undefined): Failure | undefined {
  if (adopt === undefined) return undefined;
  const log = releaseLog(facts, service.name);
  if (hasAdopted(log, adopt)) return undefined;
  if (log.length > 0) {
    return new Failure(
      'usage',
      'adopt.late',
      `${service.name} already has releases, so it cannot adopt a container`,
      {
        hint: 'run the command without --adopt',
      },
    );
  }
  const hosts = service.instances.map(({ host }) => facts.hosts[host]);
  const found = hosts.some((host) => host?.containers.some((container) => container.name === adopt));
  if (found) return undefined;
  const names = hosts.flatMap((host) => host?.containers.map((container) => container.name) ?? []);
  return new Failure('usage', 'adopt.unknown', `unknown container "${adopt}"${available(names)}`, {
    hint: 'run docker ps on a host to see its containers',
  });
}

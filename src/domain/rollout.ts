import { z } from 'zod';
import { containerSpec, containersOf, specHash } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { given } from './given.js';
import { label, releaseOf } from './labels.js';
import { canaryOf, current, findRelease, linesOf, nextOrder, releaseLog } from './log.js';
import { type Activation, needsOf, Release } from './release.js';
import type { Service } from './service.js';
import type { RunInfo } from './task.js';

/** The rollout of a service, decided once before anything changes. */
export const Rollout = z.strictObject({
  /** `same` restores the current release where it is missing; `promote` activates the canary. */
  kind: z.enum(['deploy', 'promote', 'rollback', 'same']),
  release: Release,
  /** The order of its activation. */
  order: z.int(),
  /** The current release until the commit. */
  before: Release.optional(),
  /** An existing container to adopt as release 0. */
  adopted: Release.optional(),
  /** Whether to replace kept containers whose secrets have changed. */
  todaysSecrets: z.boolean(),
});
export type Rollout = z.infer<typeof Rollout>;

/** Returns the rollout of an image with the present configuration: a new release, unless it equals the current one or the canary. */
export function rolloutOf(
  facts: Facts,
  run: RunInfo,
  service: Service,
  image: { readonly image: string; readonly reference: string; readonly written?: string | undefined },
  adopt: string | undefined,
): Rollout {
  const log = releaseLog(facts, service.name);
  const active = current(log);
  const spec = containerSpec(service, image.image);
  if (active !== undefined && isSame(facts, run, service, active.release, specHash(spec))) {
    return {
      kind: 'same',
      release: active.release,
      order: active.order,
      before: active.release,
      todaysSecrets: false,
    };
  }
  const canary = canaryOf(facts, service.name);
  if (active !== undefined && canary !== undefined && specHash(canary.spec) === specHash(spec))
    return promotion(facts, canary, active.release, true);
  const release: Release = {
    number: highestRelease(facts, run, service) + 1,
    reference: image.reference,
    spec,
    ...needsOf(spec),
    ...(image.written === undefined || image.written === image.reference ? {} : { written: image.written }),
    ...given({ commit: run.commit }),
  };
  const adopted = adopt === undefined ? undefined : adoptedRelease(facts, service, adopt);
  return {
    kind: 'deploy',
    release,
    order: nextOrder(facts) + (adopted === undefined ? 0 : 1),
    todaysSecrets: true,
    ...given({ before: active?.release, adopted }),
  };
}

/** Returns the log lines of a rollout; none if it changes nothing. */
export function activationsOf(
  { adopted, release, order, kind }: Rollout,
  { id, who, started }: RunInfo,
  canary: boolean,
): readonly Activation[] {
  if (kind === 'same') return [];
  const common = { run: id, who, at: started };
  const adoption: Activation[] =
    adopted === undefined ? [] : [{ ...common, order: order - 1, kind: 'adopt', release: adopted }];
  const name = canary ? 'canary' : kind === 'rollback' ? 'rollback' : 'deploy';
  return [...adoption, { ...common, order, kind: name, release }];
}

function promotion(facts: Facts, release: Release, before: Release, todaysSecrets: boolean): Rollout {
  return { kind: 'promote', release, order: nextOrder(facts), before, todaysSecrets };
}

/**
 * Returns the rollout to a logged release: promotes the canary if it has that number, and removes the canary if the current release
 * does. Returns undefined if the log has no such release.
 */
export function rolloutTo(
  facts: Facts,
  service: Service,
  number: number,
  todaysSecrets: boolean,
): Rollout | undefined {
  const log = releaseLog(facts, service.name);
  const active = current(log);
  const canary = canaryOf(facts, service.name);
  if (active !== undefined && canary?.number === number)
    return promotion(facts, canary, active.release, todaysSecrets);
  const release = findRelease(log, number);
  if (release === undefined || active === undefined) return undefined;
  const same = release.number === active.release.number && canary === undefined;
  return {
    kind: same ? 'same' : 'rollback',
    release,
    order: same ? active.order : nextOrder(facts),
    before: active.release,
    todaysSecrets,
  };
}

function isSame(facts: Facts, id: EnvironmentId, service: Service, active: Release, hash: string): boolean {
  if (specHash(active.spec) !== hash) return false;
  return changedSecrets(facts, id, service).length === 0;
}

/** Returns the names of secrets whose values differ from those of the service's running containers. */
export function changedSecrets(
  facts: Facts,
  id: EnvironmentId,
  { name, instances, secrets }: Pick<Service, 'name' | 'instances' | 'secrets'>,
): readonly string[] {
  const stale = instances.flatMap(({ host }) => {
    const known = facts.hosts[host];
    return known === undefined
      ? []
      : serving(known, id, name).flatMap(({ staleSecrets = [] }) => staleSecrets);
  });
  return secrets.filter((secret) => stale.includes(secret));
}

function highestRelease(facts: Facts, id: EnvironmentId, service: Service): number {
  const logged = linesOf(facts, service.name).map((line) => line.release.number);
  const seen = Object.values(facts.hosts).flatMap((host) =>
    containersOf(host, id, service.name).map(releaseOf),
  );
  return Math.max(0, ...logged, ...seen.filter((number) => number !== undefined));
}

function adoptedRelease(facts: Facts, service: Service, name: string): Release | undefined {
  const container = service.instances
    .flatMap(({ host }) => facts.hosts[host]?.containers ?? [])
    .find((candidate) => candidate.name === name);
  if (container === undefined) return undefined;
  const spec = containerSpec(service, container.image);
  return { number: 0, reference: container.image, spec, ...needsOf(spec), adopted: name };
}

/** Returns the running containers of a service on a host. */
export function serving(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  return containersOf(host, id, service).filter(isUp);
}

/** Whether a container runs and is no candidate: a candidate gets its restart policy once it is healthy. */
export function serves(container: ContainerFacts): boolean {
  return isUp(container) && container.restart !== 'no';
}

export function isUp(container: ContainerFacts): boolean {
  return container.state === 'running' || container.state === 'restarting' || container.state === 'paused';
}

/**
 * Whether a container still has the restart policy of a candidate, as after a run that died. Always false for adopted containers and
 * for releases whose own policy is `no`.
 */
export function isProvisional(container: ContainerFacts, release: Release): boolean {
  return release.adopted === undefined && container.restart === 'no' && release.spec.restart !== 'no';
}

/** Returns containers of releases that were never activated, except those of the run `except`: a dead run left them. */
export function leftoverContainers(
  host: HostFacts,
  facts: Facts,
  id: EnvironmentId,
  service: string,
  except?: string,
): readonly ContainerFacts[] {
  const activated = new Set(releaseLog(facts, service).map((line) => line.release.number));
  const canary = canaryOf(facts, service)?.number;
  return containersOf(host, id, service).filter((container) => {
    const release = releaseOf(container);
    const isLeftover = release !== undefined && release !== canary && !activated.has(release);
    return isLeftover && (except === undefined || container.labels[label.run] !== except);
  });
}

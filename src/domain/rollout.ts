import { z } from 'zod';
import { containerSpec, containersOf, specHash } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { given } from './given.js';
import { label, releaseOf } from './labels.js';
import { canaryOf, current, findRelease, linesOf, nextOrder, releaseLog } from './log.js';
import { Release } from './release.js';
import type { Service } from './service.js';
import type { RunInfo } from './task.js';

/** What is decided once for a service, before anything changes: which release comes, and from where. */
export const Rollout = z.strictObject({
  /** `same`: the release that is current already, where it is missing or does not run; `promote`: that of the canary. */
  kind: z.enum(['deploy', 'promote', 'rollback', 'same']),
  release: Release,
  /** The order of its activation in the log. */
  order: z.int(),
  /** The release that is current until the commit. */
  before: Release.optional(),
  /** A container that was there before oneclick, taken over as release 0. */
  adopted: Release.optional(),
  /** Containers are made anew when a secret has another value than the kept one's. */
  todaysSecrets: z.boolean(),
});
export type Rollout = z.infer<typeof Rollout>;

/** The rollout of an image with today's configuration: a new release, unless it is the current one or the canary already. */
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

/** The rollout that puts the canary everywhere. */
function promotion(facts: Facts, release: Release, before: Release, todaysSecrets: boolean): Rollout {
  return { kind: 'promote', release, order: nextOrder(facts), before, todaysSecrets };
}

/**
 * The rollout that brings a logged release back, or the canary everywhere, or takes the canary back where that is the number of
 * the current one; undefined when the log does not know it.
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
  const running = service.instances.flatMap(({ host }) => {
    const known = facts.hosts[host];
    return known === undefined ? [] : serving(known, id, service.name);
  });
  return !running.some((container) => (container.staleSecrets ?? []).length > 0);
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
  return {
    number: 0,
    reference: container.image,
    spec: containerSpec(service, container.image),
    adopted: name,
  };
}

/** The containers of a service that run on a host. */
export function serving(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  return containersOf(host, id, service).filter(isUp);
}

export function isUp(container: ContainerFacts): boolean {
  return container.state === 'running' || container.state === 'restarting' || container.state === 'paused';
}

/**
 * Whether a container has yet to prove itself, or was told not to come back: a run that died left it with the restart
 * policy of a candidate. Nothing can be told where the release wants no other, nor of an adopted one.
 */
export function isProvisional(container: ContainerFacts, release: Release): boolean {
  return release.adopted === undefined && container.restart === 'no' && release.spec.restart !== 'no';
}

/** The containers of releases that no run has activated, but for those of the run `except`: what a dead run left. */
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

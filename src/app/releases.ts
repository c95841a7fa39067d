import { containerOf } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { canaryOf, current, releaseLog } from '../domain/log.js';
import { type RollbackScope, rollbackTarget } from '../domain/rollback-target.js';
import type { Service } from '../domain/service.js';

/** The releases of an environment, as printed by `releases --json`. */
export interface ReleasesDocument {
  readonly environment: string;
  readonly services: readonly {
    readonly name: string;
    readonly current: number | null;
    /** The effect of `oneclick rollback` of these services. */
    readonly rollback: {
      /** The release it would activate; null if it would do nothing or fail. */
      readonly release: number | null;
      readonly because: string;
    };
    /** The number of hosts it runs on. */
    readonly hosts: number;
    /** Newest first. */
    readonly releases: readonly KeptRelease[];
  }[];
}

/** A release and its last activation. */
export interface KeptRelease {
  readonly release: number;
  readonly current: boolean;
  readonly reference: string;
  readonly image: string;
  readonly commit: string | null;
  readonly activated: string;
  readonly who: string;
  /** The hosts that keep a container of it. */
  readonly kept: readonly string[];
}

/** Builds the list of releases, with the effect of rolling these services back together. */
export function releasesDocument(facts: Facts, scope: RollbackScope): ReleasesDocument {
  return {
    environment: scope.run.environment,
    services: scope.services.map((service) => ({
      name: service.name,
      current: current(releaseLog(facts, service.name))?.release.number ?? null,
      rollback: rollbackOf(facts, scope, service),
      hosts: service.instances.length,
      releases: keptReleases(facts, scope.run, service),
    })),
  };
}

function rollbackOf(facts: Facts, scope: RollbackScope, service: Service) {
  const target = rollbackTarget(facts, scope, service, undefined);
  if (target instanceof Failure) {
    const hint = target.hint === undefined ? '' : ` (${target.hint})`;
    return { release: null, because: `rollback is not possible: ${target.message}${hint}` };
  }
  const { from, to } = target;
  if (from.number === canaryOf(facts, service.name)?.number)
    return { release: to.number, because: `rollback removes its canary, release ${from.number}` };
  return from.number === to.number
    ? { release: null, because: 'rollback skips it: it was not part of the last run' }
    : { release: to.number, because: `rollback goes to release ${to.number}` };
}

/** Each release once, by its last activation, newest first. */
function keptReleases(facts: Facts, run: EnvironmentId, service: Service): readonly KeptRelease[] {
  const log = releaseLog(facts, service.name);
  const active = current(log);
  const newest = log.toReversed();
  const lines = newest.filter(
    ({ release }, at) => newest.findIndex((line) => line.release.number === release.number) === at,
  );
  return lines.map(({ release, at, who }) => ({
    release: release.number,
    current: release.number === active?.release.number,
    reference: release.reference,
    image: release.spec.image,
    commit: release.commit ?? null,
    activated: at,
    who,
    kept: service.instances.flatMap(({ host }) => {
      const known = facts.hosts[host];
      return known !== undefined && containerOf(known, run, service.name, release) !== undefined
        ? [host]
        : [];
    }),
  }));
}

import type { Context } from '../../../app/context.js';
import { containerOf } from '../../../domain/container.js';
import type { EnvironmentId } from '../../../domain/environment.js';
import type { Facts } from '../../../domain/facts.js';
import { Failure } from '../../../domain/failure.js';
import { canaryOf, current, releaseLog } from '../../../domain/log.js';
import { type RollbackScope, rollbackTarget } from '../../../domain/rollback-target.js';
import type { Service } from '../../../domain/service.js';
import { type KeptRelease, type ReleasesDocument, releasesText } from '../../../report/releases.js';
import { viewEnvironment } from '../../view-environment.js';
import type { ReleasesFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: ReleasesFlags): Promise<number> {
  return viewEnvironment(context, names, flags, async ({ session, facts, out, chosen }) => {
    const scope = { run: session.id, services: chosen };
    out.reporter.result(releasesDocument(facts, scope), (document, page) =>
      releasesText(document, page, context.clock.now()),
    );
  });
}

/** The releases of services, and the result of rolling these services back together. */
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
  const recall = rollbackTarget(facts, scope, service, undefined);
  if (recall instanceof Failure) {
    const hint = recall.hint === undefined ? '' : `: ${recall.hint}`;
    return { release: null, because: `rollback fails: ${recall.message}${hint}` };
  }
  const { from, to: back } = recall;
  if (from.number === canaryOf(facts, service.name)?.number)
    return { release: back.number, because: `rollback removes its canary, release ${from.number}` };
  return from.number === back.number
    ? { release: null, because: 'rollback skips it: it was not part of the last run' }
    : { release: back.number, because: `rollback goes to release ${back.number}` };
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

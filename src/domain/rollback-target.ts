import { isAdopted } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { Failure } from './failure.js';
import { releaseOf } from './labels.js';
import { canaryOf, current, findRelease, highestOrder, linesOf, previous, releaseLog } from './log.js';
import type { Release } from './release.js';
import { serving } from './rollout.js';
import type { Service } from './service.js';

/** The services to roll back together, and their environment. */
export interface RollbackScope {
  readonly run: EnvironmentId;
  readonly services: readonly Service[];
}

/** A rollback of one service: its current release and the target. Both are the same for a service that stays. */
export interface RollbackTarget {
  readonly from: Release;
  readonly to: Release;
}

/**
 * Returns the target of one service: the requested release, or the current one if it has a canary, or else the previous one.
 * Returns a usage {@link Failure} if there is none or it is ambiguous.
 */
export function rollbackTarget(
  facts: Facts,
  scope: RollbackScope,
  service: Service,
  to: number | undefined,
): RollbackTarget | Failure {
  const log = releaseLog(facts, service.name);
  const active = current(log);
  if (active === undefined)
    return blocked('release.none', `${service.name} has no release yet`, 'run: oneclick deploy');
  const canary = canaryOf(facts, service.name);
  const back = chooseTarget(facts, scope, service, to);
  const mixed = to === undefined ? mixedHosts(facts, scope, service, [active.release, canary, back]) : [];
  if (mixed.length > 0) {
    const message = `${service.name} does not run its current release ${active.release.number} on ${mixed.join(', ')}`;
    return blocked('release.mixed', message, `choose a release for all hosts: --to ${active.release.number}`);
  }
  const last = to === undefined ? lastRuns(facts, scope) : [];
  if (last.length > 1) {
    const message = `runs ${last.join(' and ')} released at the same time on different hosts`;
    return blocked(
      'release.ambiguous',
      message,
      'name the services to roll back, as in: oneclick rollback web',
    );
  }
  if (back !== undefined) return { from: canary ?? active.release, to: back };
  const known = [...new Set(log.map((line) => line.release.number))];
  const message =
    to === undefined
      ? `${service.name} has no release before ${active.release.number}`
      : `${service.name} has no release ${to}`;
  const hint = known.length < 2 ? 'deploy another release first' : `available: ${known.join(', ')}`;
  return blocked('release.unknown', message, hint);
}

/** Returns the promotion of a service's canary to all instances; services without one stay. Returns a usage failure if there is none. */
export function promotionOf(
  facts: Facts,
  { services }: RollbackScope,
  { name }: Service,
): RollbackTarget | Failure {
  const active = current(releaseLog(facts, name))?.release;
  if (active === undefined)
    return blocked('release.none', `${name} has no release yet`, 'run: oneclick deploy');
  const canary = canaryOf(facts, name);
  if (canary === undefined && services.every((other) => canaryOf(facts, other.name) === undefined))
    return blocked('canary.none', `${name} has no canary`, `start one: oneclick deploy ${name} --canary 10%`);
  return { from: active, to: canary ?? active };
}

function blocked(code: string, message: string, hint: string): Failure {
  return new Failure('usage', code, message, { hint });
}

/** A rollback undoes one run only: services that it did not activate stay. */
function chooseTarget(
  facts: Facts,
  scope: RollbackScope,
  service: Service,
  to: number | undefined,
): Release | undefined {
  const log = releaseLog(facts, service.name);
  if (to !== undefined) return findRelease(log, to);
  const active = current(log);
  if (canaryOf(facts, service.name) !== undefined) return active?.release;
  const others = scope.services.length > 1;
  if (others && lastLine(facts, service).order < lastOrder(facts, scope)) return active?.release;
  const before = previous(log);
  const othersMove =
    others && scope.services.some((other) => previous(releaseLog(facts, other.name)) !== undefined);
  return before ?? (othersMove ? active?.release : undefined);
}

/** The order of the last run that activated any of these services. */
function lastOrder(facts: Facts, { services }: RollbackScope): number {
  const orders = services.map((service) => lastLine(facts, service).order);
  return Math.max(0, ...orders, services.length === 0 ? highestOrder(facts) : 0);
}

/** The last log line of a service. */
function lastLine(facts: Facts, { name }: Service): { readonly order: number; readonly run?: string } {
  return linesOf(facts, name).at(-1) ?? { order: 0 };
}

/** Runs on different hosts may have the same order: they cannot see each other. */
function lastRuns(facts: Facts, scope: RollbackScope): readonly string[] {
  const order = lastOrder(facts, scope);
  const last = scope.services
    .map((service) => lastLine(facts, service))
    .filter((line) => line.order === order);
  return [...new Set(last.flatMap(({ run }) => run ?? []))];
}

/** Hosts that run none of the expected releases. A rollback that died may have started the target. */
function mixedHosts(
  facts: Facts,
  { run }: RollbackScope,
  service: Service,
  expected: readonly (Release | undefined)[],
): readonly string[] {
  return service.instances.flatMap(({ host }) => {
    const known = facts.hosts[host];
    if (known === undefined) return [];
    const running = serving(known, run, service.name);
    const others = running.filter((container) =>
      expected.every(
        (release) => release === undefined || isOtherRelease(known, service.name, container, release),
      ),
    );
    return others.length > 0 && others.length === running.length ? [host] : [];
  });
}

function isOtherRelease(
  host: HostFacts,
  service: string,
  container: ContainerFacts,
  active: Release,
): boolean {
  return active.adopted === undefined
    ? releaseOf(container) !== active.number
    : !isAdopted(host, service, [active.adopted], container);
}

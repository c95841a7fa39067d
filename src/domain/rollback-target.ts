import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts } from './facts.js';
import { Failure } from './failure.js';
import { releaseOf } from './labels.js';
import { canaryOf, current, findRelease, highestOrder, linesOf, previous, releaseLog } from './log.js';
import type { Release } from './release.js';
import { serving } from './rollout.js';
import type { Service } from './service.js';

/** All services that are brought back together, and whose they are. */
export interface RollbackScope {
  readonly run: EnvironmentId;
  readonly services: readonly Service[];
}

/** Where a rollback leads: the release that is current, and the one that it brings back. The same one for a service that stays. */
export interface RollbackTarget {
  readonly from: Release;
  readonly to: Release;
}

/**
 * What a rollback of these services does to one of them: back to the release asked for, or from its canary to the current
 * one, or to the activation before the current one. The Failure, of kind `usage`, that keeps it from being decided otherwise.
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
    return blocked('release.none', `${service.name} has no release yet`, 'oneclick deploy');
  const canary = canaryOf(facts, service.name);
  const back = chooseTarget(facts, scope, service, to);
  const mixed = to === undefined ? mixedHosts(facts, scope, service, [active.release, canary, back]) : [];
  if (mixed.length > 0) {
    const message = `${service.name} runs other releases than ${active.release.number} on ${mixed.join(', ')}`;
    return blocked(
      'release.mixed',
      message,
      `say which one should run everywhere: --to ${active.release.number}`,
    );
  }
  const last = to === undefined ? lastRuns(facts, scope) : [];
  if (last.length > 1) {
    const message = `the runs ${last.join(' and ')} released at the same time, on hosts of their own`;
    return blocked('release.ambiguous', message, 'name the services to bring back: oneclick rollback web');
  }
  if (back !== undefined) return { from: canary ?? active.release, to: back };
  const known = [...new Set(log.map((line) => line.release.number))];
  const message =
    to === undefined
      ? `${service.name} has no release before ${active.release.number}`
      : `${service.name} has no release ${to}`;
  const hint = known.length < 2 ? 'there is nothing to go back to' : `it has ${known.join(', ')}`;
  return blocked('release.unknown', message, hint);
}

/** What puts the canary of a service on all of its instances, as a {@link RollbackTarget}: services without one stay. */
export function promotionOf(
  facts: Facts,
  { services }: RollbackScope,
  { name }: Service,
): RollbackTarget | Failure {
  const active = current(releaseLog(facts, name))?.release;
  if (active === undefined) return blocked('release.none', `${name} has no release yet`, 'oneclick deploy');
  const canary = canaryOf(facts, name);
  if (canary === undefined && services.every((other) => canaryOf(facts, other.name) === undefined))
    return blocked('canary.none', `${name} has no canary`, `begin one: oneclick deploy ${name} --canary 10%`);
  return { from: active, to: canary ?? active };
}

function blocked(code: string, message: string, hint: string): Failure {
  return new Failure('usage', code, message, { hint });
}

/** Services that the last run did not activate stay: a rollback takes back one run, and no more. */
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

/** The order of the last run among the services of this one. */
function lastOrder(facts: Facts, { services }: RollbackScope): number {
  const orders = services.map((service) => lastLine(facts, service).order);
  return Math.max(0, ...orders, services.length === 0 ? highestOrder(facts) : 0);
}

/** What was done last with a service. */
function lastLine(facts: Facts, { name }: Service): { readonly order: number; readonly run?: string } {
  return linesOf(facts, name).at(-1) ?? { order: 0 };
}

/** The runs of that order: several, where runs on different hosts could not know of each other. */
function lastRuns(facts: Facts, scope: RollbackScope): readonly string[] {
  const order = lastOrder(facts, scope);
  const last = scope.services
    .map((service) => lastLine(facts, service))
    .filter((line) => line.order === order);
  return [...new Set(last.flatMap(({ run }) => run ?? []))];
}

/** Hosts that run neither what is current nor what comes back, which a rollback that died may have brought there. */
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
      expected.every((release) => release === undefined || isOtherRelease(container, release)),
    );
    return others.length > 0 && others.length === running.length ? [host] : [];
  });
}

function isOtherRelease(container: ContainerFacts, active: Release): boolean {
  return active.adopted === undefined
    ? releaseOf(container) !== active.number
    : container.name !== active.adopted;
}

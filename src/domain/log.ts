import type { EnvironmentId } from './environment.js';
import type { Facts, HostFacts } from './facts.js';
import { prefix } from './labels.js';
import type { Activation, Release } from './release.js';
import type { ImageSource } from './service.js';

/** The activations of a service: its log without canaries. */
export function releaseLog(facts: Facts, service: string): readonly Activation[] {
  return linesOf(facts, service).filter(({ kind }) => kind !== 'canary');
}

/** The service's canary: a release on some instances that is not promoted or rolled back yet. */
export function canaryOf(facts: Facts, service: string): Release | undefined {
  const last = linesOf(facts, service).at(-1);
  return last?.kind === 'canary' ? last.release : undefined;
}

/** The release log of a service, in order, merged from all hosts because a host may have been added later or have lost its lines. */
export function linesOf(facts: Facts, service: string): readonly Activation[] {
  const byOrder = new Map<number, Activation>();
  for (const host of Object.values(facts.hosts)) {
    for (const line of hostLines(host, service)) byOrder.set(line.order, line);
  }
  return [...byOrder.values()].sort((a, b) => a.order - b.order);
}

/** The current activation. */
export function current(log: readonly Activation[]): Activation | undefined {
  return log.at(-1);
}

/** The release with this number, as last activated. */
export function findRelease(log: readonly Activation[], number: number): Release | undefined {
  return log.findLast((line) => line.release.number === number)?.release;
}

/**
 * The releases that repeated rollbacks go through, the current one last. Releases that were rolled back are skipped: after v1, v2,
 * a rollback to v1, and v3 these are v1 and v3.
 */
export function rollbackHistory(log: readonly Activation[]): readonly Release[] {
  let releases: Release[] = [];
  for (const { release } of log) {
    const known = releases.findIndex((other) => other.number === release.number);
    releases = known === -1 ? [...releases, release] : [...releases.slice(0, known), release];
  }
  return releases;
}

/** The release that a rollback activates. */
export function previous(log: readonly Activation[]): Release | undefined {
  return rollbackHistory(log).at(-2);
}

/** The order of the next activation: one above the highest on any host. */
export function nextOrder(facts: Facts): number {
  return 1 + highestOrder(facts);
}

/** The order of the last activation in the environment, or 0. */
export function highestOrder(facts: Facts): number {
  return allLines(facts).reduce((highest, line) => Math.max(highest, line.order), 0);
}

/** The lines of a host, or those that were rebuilt because every host has lost them. */
export function hostLines({ log, restored }: HostFacts, service: string): readonly Activation[] {
  return log[service] ?? restored?.[service] ?? [];
}

function allLines({ hosts }: Facts): readonly Activation[] {
  return Object.values(hosts).flatMap(({ log, restored }) => Object.values({ ...restored, ...log }).flat());
}

/** How many log lines a host keeps for each service. */
export const maxLogLines = 30;

/** The name of the volume that stores a log line. */
export function lineName(id: EnvironmentId, service: string, order: number): string {
  return `oneclick-log-${prefix(id)}-${service}-${order}`;
}

/** Whether a deploy keeps the image of this release: no other one was requested, and the configured reference is unchanged. */
export function keepsImage(image: ImageSource, { reference, written }: Release): boolean {
  return image.kind === 'fixed' && image.moves !== true && image.reference === (written ?? reference);
}

import type { EnvironmentId } from './environment.js';
import type { Facts } from './facts.js';
import { prefix } from './labels.js';
import type { Activation, Release } from './release.js';
import type { ImageSource } from './service.js';

/** The activations of one service: its log without canaries, which were never current. */
export function releaseLog(facts: Facts, service: string): readonly Activation[] {
  return linesOf(facts, service).filter(({ kind }) => kind !== 'canary');
}

/** The release that runs beside the current one on some instances, until it is promoted or taken back. */
export function canaryOf(facts: Facts, service: string): Release | undefined {
  const last = linesOf(facts, service).at(-1);
  return last?.kind === 'canary' ? last.release : undefined;
}

/**
 * The release log of one service as all hosts together know it, in order. A host that was added later, or has lost
 * its lines, is made up for by the others.
 */
export function linesOf(facts: Facts, service: string): readonly Activation[] {
  const byOrder = new Map<number, Activation>();
  for (const host of Object.values(facts.hosts)) {
    for (const line of host.log[service] ?? []) byOrder.set(line.order, line);
  }
  return [...byOrder.values()].sort((a, b) => a.order - b.order);
}

/** The activation that holds now. */
export function current(log: readonly Activation[]): Activation | undefined {
  return log.at(-1);
}

/** The release of that number, as it was last activated. */
export function findRelease(log: readonly Activation[], number: number): Release | undefined {
  return log.findLast((line) => line.release.number === number)?.release;
}

/**
 * The releases that one could go back through, the current one last. A release that was rolled back from is not among
 * them: after v1, v2, back to v1, v3 they are v1 and v3.
 */
export function rollbackHistory(log: readonly Activation[]): readonly Release[] {
  let releases: Release[] = [];
  for (const { release } of log) {
    const known = releases.findIndex((other) => other.number === release.number);
    releases = known === -1 ? [...releases, release] : [...releases.slice(0, known), release];
  }
  return releases;
}

/** The release that a rollback brings back. */
export function previous(log: readonly Activation[]): Release | undefined {
  return rollbackHistory(log).at(-2);
}

/** The order of the next activation: one above the highest of any service on any host. */
export function nextOrder(facts: Facts): number {
  return 1 + highestOrder(facts);
}

/** The order of the last run that activated anything in the environment; 0 when none did. */
export function highestOrder(facts: Facts): number {
  const lines = Object.values(facts.hosts).flatMap((host) => Object.values(host.log).flat());
  return lines.reduce((highest, line) => Math.max(highest, line.order), 0);
}

/** An activation by another run, of any service, that has this order or a later one. */
export function laterActivation(facts: Facts, run: string, order: number): Activation | undefined {
  const lines = Object.values(facts.hosts).flatMap((host) => Object.values(host.log).flat());
  return lines.find((line) => line.order >= order && line.run !== run);
}

/** How many lines a host keeps of a service's log. */
export const maxLogLines = 30;

/** The name of the volume that is a line of the log. */
export function lineName(id: EnvironmentId, service: string, order: number): string {
  return `oneclick-log-${prefix(id)}-${service}-${order}`;
}

/** Whether a service keeps the image of its release: nobody asked for another, and the configuration is as it was then. */
export function keepsImage(image: ImageSource, { reference, written }: Release): boolean {
  return image.kind === 'fixed' && image.moves !== true && image.reference === (written ?? reference);
}

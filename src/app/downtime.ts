import { given } from '../domain/given.js';
import type { RunEvent } from '../run/events.js';
import type { Step } from '../run/plan.js';

/** How long a service did not run on a host because of a run. */
export interface Downtime {
  readonly service: string;
  readonly host: string;
  /** Until it was healthy again, over all times that it was down. */
  readonly ms: number;
  /** Set if it is still down. ISO 8601. */
  readonly since?: string;
}

interface Place {
  readonly service: string;
  readonly host: string;
}

/** Adds up the downtimes of a run from its events: from the stop of a container until one is healthy again. */
export class DowntimeTracker {
  readonly #steps: ReadonlyMap<string, Step>;
  readonly #places = new Map<string, Place>();
  /** ms, by place. */
  readonly #totals = new Map<string, number>();
  /** When it went down, by place. ms since the epoch */
  readonly #down = new Map<string, number>();
  /** When steps that stop containers began. ms since the epoch */
  readonly #started = new Map<string, number>();

  constructor(steps: readonly Step[]) {
    this.#steps = new Map(steps.map((step) => [step.id, step]));
  }

  /** Takes an event; `now`, in ms since the epoch, is missing for events of an earlier process. */
  take(event: RunEvent, now?: number): void {
    const step = 'step' in event && event.step !== undefined ? this.#steps.get(event.step) : undefined;
    if (step?.service === undefined) return;
    const { id, task, service, host = '' } = step;
    const key = this.#keyOf({ service, host });
    if (event.type === 'step.started') this.#begin(step, service, event);
    if (event.type === 'step.failed' && task === 'container.restart' && event.failure.kind !== 'unhealthy')
      this.#down.delete(key);
    if (event.type === 'step.done') {
      if (task === 'container.stop') this.#goesDown(key, numberIn(event.receipt, 'at'));
      if (task === 'container.restart') this.#isUp(key, this.#after(key, event.ms));
      if (task === 'health.wait') this.#healthy(key, service, numberIn(event.receipt, 'gap'), now);
    }
    if (event.type === 'undo.done') {
      // The new container had answered in between.
      if (task === 'container.start' && this.#totals.has(key) && !this.#down.has(key))
        this.#goesDown(key, numberIn(event.receipt, 'at'));
      if (task === 'container.stop') {
        if (!this.#down.has(key)) this.#goesDown(key, this.#started.get(id));
        this.#isUp(key, numberIn(event.receipt, 'upAt'));
      }
      if (task === 'container.restart') this.#isUp(key, now);
      if (task === 'container.retire') this.#allUp(service, numberIn(event.receipt, 'upAt'));
    }
  }

  /** The downtimes so far; those that last only if the run has failed. */
  all(hasFailed: boolean): readonly Downtime[] {
    return [...this.#places].flatMap(([key, place]) => {
      const [total, down] = [this.#totals.get(key), hasFailed ? this.#down.get(key) : undefined];
      if (total === undefined && down === undefined) return [];
      const since = down === undefined ? undefined : new Date(down).toISOString();
      return [{ ...place, ms: total ?? 0, ...given({ since }) }];
    });
  }

  #begin({ id, task, host = '' }: Step, service: string, { at, intent }: { at: string; intent: unknown }) {
    const time = Date.parse(at);
    if (task === 'container.stop') this.#started.set(id, time);
    if (task === 'container.restart') this.#goesDown(this.#keyOf({ service, host }), time);
    if (task === 'container.retire')
      for (const former of hostsIn(intent)) this.#goesDown(this.#keyOf({ service, host: former }), time);
  }

  #healthy(key: string, service: string, gap: number | undefined, now: number | undefined): void {
    if (gap !== undefined) this.#add(key, gap);
    this.#down.delete(key);
    // A singleton that has moved was down from its stop on the other host.
    this.#allUp(service, now, ({ host }) => this.#isFormer(service, host));
  }

  /** Whether the service used to run on the host: the plan has no instance there. */
  #isFormer(service: string, host: string): boolean {
    return ![...this.#steps.values()].some((step) => step.service === service && step.host === host);
  }

  #allUp(service: string, at: number | undefined, isMeant: (place: Place) => boolean = () => true): void {
    for (const [key, place] of this.#places)
      if (place.service === service && isMeant(place)) this.#isUp(key, at);
  }

  #goesDown(key: string, at: number | undefined): void {
    if (at !== undefined) this.#down.set(key, at);
  }

  #isUp(key: string, at: number | undefined): void {
    const down = this.#down.get(key);
    if (down === undefined || at === undefined) return;
    this.#add(key, Math.max(0, at - down));
    this.#down.delete(key);
  }

  #after(key: string, ms: number): number | undefined {
    const down = this.#down.get(key);
    return down === undefined ? undefined : down + ms;
  }

  #add(key: string, ms: number): void {
    this.#totals.set(key, (this.#totals.get(key) ?? 0) + ms);
  }

  #keyOf(place: Place): string {
    const key = JSON.stringify([place.service, place.host]);
    if (!this.#places.has(key)) this.#places.set(key, place);
    return key;
  }
}

function numberIn(receipt: unknown, key: string): number | undefined {
  if (receipt === null || typeof receipt !== 'object') return undefined;
  const value = Object.entries(receipt).find(([name]) => name === key)?.[1];
  return typeof value === 'number' ? value : undefined;
}

function hostsIn(intent: unknown): readonly string[] {
  if (intent === null || typeof intent !== 'object' || !('containers' in intent)) return [];
  const { containers } = intent;
  if (!Array.isArray(containers)) return [];
  return containers.flatMap((one: unknown) =>
    one !== null && typeof one === 'object' && 'host' in one && typeof one.host === 'string'
      ? [one.host]
      : [],
  );
}

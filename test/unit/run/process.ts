import type { Outcome, RunEvent } from '../../../src/run/events.js';
import type { Plan } from '../../../src/run/plan.js';
import type { Journal } from '../../../src/run/ports.js';
import { Progress } from '../../../src/run/progress.js';
import { resumable } from '../../../src/run/resume.js';
import { resumeRun, startRun } from '../../../src/run/run.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeLeases } from '../../fakes/leases.js';
import { type FakeWorld, fakeRegistry } from '../../fakes/world.js';

/** Chooses who goes first where several could: a scheduler of fast-check is one. */
export interface Interleaving {
  schedule<T>(task: Promise<T>): Promise<T>;
  waitFor<T>(end: Promise<T>): Promise<T>;
}

/** First come, first served. */
export const calm: Interleaving = { schedule: (task) => task, waitFor: (end) => end };

/** What happens to a process at one of the points where it touches the world or its journal. */
export interface Fate {
  readonly at: number;
  readonly what: 'crash' | 'cancel' | 'abandon' | 'lose';
}

/**
 * One process that runs a plan. It touches world and journal only at points, in an order that the scheduler chooses,
 * and may end at any of them, as a killed one does: it never goes on, and nobody is told.
 */
export class FakeProcess {
  readonly said: RunEvent[] = [];
  /** How many deeds had been done when the process met its fate. */
  before: number | undefined;
  readonly #leases = new FakeLeases();
  readonly #world: FakeWorld;
  readonly #journal: RunEvent[];
  readonly #scheduler: Interleaving;
  readonly #fate: Fate | undefined;
  readonly #died: Promise<'dead'>;
  readonly #cancel = new AbortController();
  readonly #abandon = new AbortController();
  #points = 0;
  #dead = false;
  #die: (dead: 'dead') => void = () => {};
  #appended: Promise<void> = Promise.resolve();

  constructor(world: FakeWorld, journal: RunEvent[], scheduler: Interleaving, fate?: Fate) {
    this.#world = world;
    this.#journal = journal;
    this.#scheduler = scheduler;
    this.#fate = fate;
    this.#died = new Promise((resolve) => {
      this.#die = resolve;
    });
    world.pause = () => this.#point();
  }

  start(plan: Plan): Promise<Outcome | 'dead'> {
    return this.#live(() => startRun({ ...this.#ports(), plan }));
  }

  resume(revert = false): Promise<Outcome | 'dead'> {
    const events = [...this.#journal];
    return this.#live(() => resumeRun({ ...this.#ports(), events, revert }));
  }

  #live(run: () => Promise<Outcome>): Promise<Outcome | 'dead'> {
    return this.#scheduler.waitFor(Promise.race([run(), this.#died]));
  }

  #ports() {
    const journal: Journal = { append: (event) => this.#append(event) };
    return {
      registry: fakeRegistry,
      ports: this.#world,
      clock: new MovableClock(),
      journal,
      emit: (event: RunEvent) => void this.said.push(event),
      leases: this.#leases,
      readFacts: async () => this.#world.facts(),
      cancel: this.#cancel.signal,
      abandon: this.#abandon.signal,
    };
  }

  #append(event: RunEvent): Promise<void> {
    this.#appended = this.#appended.then(async () => {
      await this.#point();
      this.#journal.push(JSON.parse(JSON.stringify(event)));
      await this.#point();
    });
    return this.#appended;
  }

  async #point(): Promise<void> {
    if (this.#points++ === this.#fate?.at) this.#meet(this.#fate.what);
    if (!this.#dead) await this.#scheduler.schedule(Promise.resolve());
    if (this.#dead) await new Promise(() => {});
  }

  #meet(what: Fate['what']): void {
    this.before = this.#world.actions.length;
    if (what === 'lose') this.#leases.lose();
    if (what === 'cancel') this.#cancel.abort('SIGINT');
    if (what === 'abandon') this.#abandon.abort('SIGINT');
    if (what !== 'crash') return;
    this.#dead = true;
    this.#die('dead');
  }
}

/** Runs a plan with processes that meet these fates one after another, each going on where the last one ended. */
export async function runToItsEnd(
  plan: Plan,
  world: FakeWorld,
  scheduler: Interleaving,
  fates: readonly Fate[],
): Promise<{ outcome: Outcome; events: readonly RunEvent[] }> {
  const journal: RunEvent[] = [];
  for (const fate of [...fates, undefined]) {
    const process = new FakeProcess(world, journal, scheduler, fate);
    if (journal.length === 0) await process.start(plan);
    else {
      const progress = Progress.of(journal);
      if (resumable(progress)) await process.resume();
    }
  }
  const { outcome } = Progress.of(journal);
  if (outcome === undefined) throw new Error('the run has no end');
  return { outcome, events: journal };
}

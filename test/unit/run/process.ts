import type { Outcome, RunEvent } from '../../../src/run/events.js';
import type { Plan } from '../../../src/run/plan.js';
import type { Journal } from '../../../src/run/ports.js';
import { Progress } from '../../../src/run/progress.js';
import { resumable } from '../../../src/run/resume.js';
import { resumeRun, startRun } from '../../../src/run/run.js';
import { stepsOf } from '../../../src/run/walk.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeLeases } from '../../fakes/leases.js';
import { type FakeWorld, fakeRegistry } from '../../fakes/world.js';

/** Chooses the order of concurrent work, as fast-check's scheduler does. */
export interface Scheduler {
  schedule<T>(task: Promise<T>): Promise<T>;
  waitFor<T>(end: Promise<T>): Promise<T>;
}

/** First come, first served. */
export const inOrder: Scheduler = { schedule: (task) => task, waitFor: (end) => end };

/** Interrupts a process at one of its accesses to world or journal. */
export interface Interruption {
  readonly at: number;
  readonly what: 'crash' | 'cancel' | 'abandon' | 'lose' | 'lose a host';
}

/**
 * A process that runs a plan. The scheduler orders its accesses to world and journal. An interruption may stop it at any of them, as
 * SIGKILL does.
 */
export class FakeProcess {
  readonly events: RunEvent[] = [];
  /** The number of actions before the interruption. */
  deedsBefore: number | undefined;
  /** The host that an interruption loses. */
  lostHost = '';
  #leases = new FakeLeases();
  readonly #world: FakeWorld;
  readonly #journal: RunEvent[];
  readonly #scheduler: Scheduler;
  readonly #interruption: Interruption | undefined;
  readonly #died: Promise<'dead'>;
  readonly #cancel = new AbortController();
  readonly #abandon = new AbortController();
  #points = 0;
  #dead = false;
  #die: (dead: 'dead') => void = () => {};
  #appended: Promise<void> = Promise.resolve();

  constructor(world: FakeWorld, journal: RunEvent[], scheduler: Scheduler, interruption?: Interruption) {
    this.#world = world;
    this.#journal = journal;
    this.#scheduler = scheduler;
    this.#interruption = interruption;
    this.#died = new Promise((resolve) => {
      this.#die = resolve;
    });
    world.pause = () => this.#point();
  }

  start(plan: Plan): Promise<Outcome | 'dead'> {
    const hosts = [...stepsOf(plan.steps), ...stepsOf(plan.after)].flatMap(({ host }) => host ?? []);
    const names = [...new Set(hosts)];
    this.#leases = new FakeLeases(names);
    this.lostHost = names[(this.#interruption?.at ?? 0) % names.length] ?? '';
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
      emit: (event: RunEvent) => void this.events.push(event),
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
    if (this.#points++ === this.#interruption?.at) this.#interrupt(this.#interruption.what);
    if (!this.#dead) await this.#scheduler.schedule(Promise.resolve());
    if (this.#dead) await new Promise(() => {});
  }

  #interrupt(what: Interruption['what']): void {
    this.deedsBefore = this.#world.actions.length;
    if (what === 'lose') this.#leases.lose();
    if (what === 'lose a host') this.#leases.loseHost(this.lostHost);
    if (what === 'cancel') this.#cancel.abort('SIGINT');
    if (what === 'abandon') this.#abandon.abort('SIGINT');
    if (what !== 'crash') return;
    this.#dead = true;
    this.#die('dead');
  }
}

/** Runs a plan, interrupts it and resumes it until it ends. */
export async function runToEnd(
  plan: Plan,
  world: FakeWorld,
  scheduler: Scheduler,
  interruptions: readonly Interruption[],
): Promise<{ outcome: Outcome; events: readonly RunEvent[] }> {
  const journal: RunEvent[] = [];
  for (const interruption of [...interruptions, undefined]) {
    const process = new FakeProcess(world, journal, scheduler, interruption);
    if (journal.length === 0) await process.start(plan);
    else {
      const progress = Progress.of(journal);
      if (resumable(progress)) await process.resume();
    }
  }
  const { outcome } = Progress.of(journal);
  if (outcome === undefined) throw new Error('the run did not end');
  return { outcome, events: journal };
}

import type { RunEvent } from '../../../src/run/events.js';
import type { Branch, FailurePolicy, Plan, PlanNode, Step } from '../../../src/run/plan.js';
import { Progress } from '../../../src/run/progress.js';
import { type ResumeRequest, type RunRequest, resumeRun, startRun } from '../../../src/run/run.js';
import { MovableClock } from '../../fakes/clock.js';
import { MemoryJournal } from '../../fakes/journal.js';
import { type FakeFacts, FakeWorld, fakeRegistry } from '../../fakes/world.js';

/** A short notation for plans, and a bench to run them on. */

export type Verb = 'set' | 'surprise' | 'listen' | 'migrate' | 'keep' | 'commit' | 'refuse';

/** A step that sets the resource named like it to 1, unless told otherwise. */
export function step(
  id: string,
  verb: Verb = 'set',
  input: { name?: string; value?: unknown } = {},
): PlanNode {
  const inner: Step = {
    id,
    task: `thing.${verb}`,
    version: 1,
    host: `host-${input.name ?? id}`,
    input: { name: input.name ?? id, value: input.value ?? 1 },
  };
  return { kind: 'step', step: inner };
}

export function sequence(...nodes: readonly PlanNode[]): PlanNode {
  return { kind: 'sequence', nodes };
}

export function parallel(...nodes: readonly PlanNode[]): PlanNode {
  return graph(...nodes.map((node, index) => ({ id: `${index}`, after: [], node })));
}

export function graph(...branches: readonly Branch[]): PlanNode {
  return { kind: 'graph', branches };
}

export function receiptOf(id: string): unknown {
  return { $from: id, path: ['value'] };
}

export function planOf(steps: PlanNode, after = sequence(), onFailure: FailurePolicy = 'revert'): Plan {
  return {
    run: {
      id: 'run-1',
      recipe: 'test',
      project: 'shop',
      environment: 'production',
      who: 'ada@laptop',
      started: '2026-01-01T00:00:00.000Z',
    },
    recipeHash: 'none',
    holds: undefined,
    onFailure,
    params: {},
    services: [],
    steps,
    after,
  };
}

/** Everything that one process needs to run a plan on a world. */
export class Bench {
  readonly world: FakeWorld;
  readonly clock = new MovableClock();
  readonly cancel = new AbortController();
  readonly abandon = new AbortController();
  readonly journal: MemoryJournal;
  readonly said: RunEvent[] = [];

  constructor(world = new FakeWorld(), journal = new MemoryJournal()) {
    this.world = world;
    this.journal = journal;
  }

  request(
    plan: Plan,
    more: Partial<RunRequest<FakeFacts, FakeWorld>> = {},
  ): RunRequest<FakeFacts, FakeWorld> {
    return {
      plan,
      registry: fakeRegistry,
      ports: this.world,
      clock: this.clock,
      journal: this.journal,
      emit: (event) => this.said.push(event),
      leases: { take: () => Promise.reject(new Error('this plan holds nothing')) },
      readFacts: async () => this.world.facts(),
      cancel: this.cancel.signal,
      abandon: this.abandon.signal,
      ...more,
    };
  }

  start(plan: Plan, more: Partial<RunRequest<FakeFacts, FakeWorld>> = {}) {
    return startRun(this.request(plan, more));
  }

  /** Goes on, as a new process would, with what this one has journaled. */
  resume(revert = false, more: Partial<ResumeRequest<FakeFacts, FakeWorld>> = {}) {
    const { events } = this.journal;
    const { plan } = Progress.of(events);
    return resumeRun({ ...this.request(plan), events: [...events], revert, ...more });
  }

  /** The steps of which an event of this type was said, in order. */
  steps(type: RunEvent['type']): readonly string[] {
    return this.said.flatMap((event) => (event.type === type && 'step' in event ? [String(event.step)] : []));
  }

  types(): readonly string[] {
    return this.said.map((event) => event.type);
  }
}

/** Something to wait at: the test knows when it is reached, and opens it. */
export class Gate {
  readonly reached: Promise<void>;
  #arrive: () => void = () => {};
  #open: () => void = () => {};
  readonly #opened: Promise<void>;
  #used = false;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  /** The first to come waits, others pass. */
  readonly once = async (): Promise<void> => {
    if (this.#used) return;
    this.#used = true;
    this.#arrive();
    await this.#opened;
  };

  /** Resolves when everything that can go on without the test has done so. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

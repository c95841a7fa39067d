import type { RunEvent } from '../../../src/run/events.js';
import type { Branch, FailurePolicy, Plan, PlanNode, Step } from '../../../src/run/plan.js';
import { Progress } from '../../../src/run/progress.js';
import { type ResumeRequest, type RunRequest, resumeRun, startRun } from '../../../src/run/run.js';
import { MovableClock } from '../../fakes/clock.js';
import { MemoryJournal } from '../../fakes/journal.js';
import { type FakeFacts, FakeWorld, fakeRegistry } from '../../fakes/world.js';

/** Builders for plans, and a harness that runs them. */

export type Action = 'set' | 'surprise' | 'listen' | 'migrate' | 'keep' | 'commit' | 'refuse';

/** A step that sets a resource, by default the one of the same name to 1. */
export function step(
  id: string,
  action: Action = 'set',
  input: { name?: string; value?: unknown } = {},
): PlanNode {
  const inner: Step = {
    id,
    task: `thing.${action}`,
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

/** One process that runs plans on a fake world. */
export class RunHarness {
  readonly world: FakeWorld;
  readonly clock = new MovableClock();
  readonly cancel = new AbortController();
  readonly abandon = new AbortController();
  readonly journal: MemoryJournal;
  readonly events: RunEvent[] = [];

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
      emit: (event) => this.events.push(event),
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

  /** Resumes from the journal, as a new process would. */
  resume(revert = false, more: Partial<ResumeRequest<FakeFacts, FakeWorld>> = {}) {
    const { events } = this.journal;
    const { plan } = Progress.of(events);
    return resumeRun({ ...this.request(plan), events: [...events], revert, ...more });
  }

  /** The steps with an event of this type, in order. */
  steps(type: RunEvent['type']): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === type && 'step' in event ? [String(event.step)] : [],
    );
  }

  types(): readonly string[] {
    return this.events.map((event) => event.type);
  }
}

/** Blocks the first caller until the test opens it. */
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

  /** The first caller waits, others pass. */
  readonly once = async (): Promise<void> => {
    if (this.#used) return;
    this.#used = true;
    this.#arrive();
    await this.#opened;
  };

  /** Resolves when all other work is idle. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

import type { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { AnyTask, Change, ExpectedWait, Subject, Verdict } from '../domain/task.js';
import { checkTask, subjectOf, taskOf } from './check-task.js';
import { type Forecast, forecastOf } from './forecast.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { resolve } from './reference.js';
import { stepsOf } from './walk.js';

/** The predicted result of a step. */
export type PreviewVerdict =
  | { readonly kind: 'done'; readonly because: string }
  | {
      readonly kind: 'todo';
      readonly title?: string;
      readonly changes: readonly Change[];
      /** `expected` depends on earlier steps: on their predicted results, or on unknown steps on the same host. */
      readonly certainty: 'certain' | 'expected';
      readonly waits?: readonly ExpectedWait[];
    }
  /** Depends on the receipt of another step. */
  | { readonly kind: 'unknown'; readonly waitsFor: string }
  | { readonly kind: 'blocked'; readonly problems: readonly Failure[] };

export interface StepPreview {
  readonly step: Step;
  readonly title: string;
  readonly verdict: PreviewVerdict;
  /** The reason if it cannot be undone. */
  readonly never?: string;
  /** Whether it runs after the commit. */
  readonly after: boolean;
}

/** The dry run of a plan, in plan order. */
export interface Preview {
  readonly steps: readonly StepPreview[];
  /** Problems that block the run, without duplicates. */
  readonly problems: readonly Failure[];
  /** Warnings before the run, without duplicates. */
  readonly cautions: readonly string[];
  /** The least time it takes; absent if there are no known waits. */
  readonly forecast?: Forecast;
}

/**
 * Predicts a run from facts alone. `receipts` are those of steps that an earlier process finished. Throws a usage {@link Failure} if a
 * task is unknown.
 */
export function preview<Facts, Ports>(
  plan: Plan,
  facts: Facts,
  registry: Registry<Facts, Ports>,
  receipts: ReadonlyMap<string, unknown> = new Map(),
): Preview {
  return new DryRun(plan, facts, registry, receipts).previewAll();
}

function problemsOf(steps: readonly StepPreview[]): readonly Failure[] {
  const problems = steps.flatMap(({ verdict }) => (verdict.kind === 'blocked' ? verdict.problems : []));
  const known = new Map(
    problems.map((problem) => [JSON.stringify([problem.code, problem.host, problem.message]), problem]),
  );
  return [...known.values()];
}

/** Whether no step has anything to do. */
export function nothingToDo({ steps }: Preview): boolean {
  return steps.every(({ verdict }) => verdict.kind === 'done');
}

/** Predicts facts and receipts, step by step. */
export class DryRun<Facts, Ports> {
  /** The intents of previewed steps. */
  readonly intents = new Map<string, unknown>();
  readonly #plan: Plan;
  readonly #registry: Registry<Facts, Ports>;
  readonly #finished: ReadonlyMap<string, unknown>;
  readonly #receipts: Map<string, unknown>;
  /** Steps whose receipt may still differ. */
  readonly #tentative = new Set<string>();
  /** Hosts with steps that are not decided yet; undefined stands for steps without a host. */
  readonly #undecided = new Set<string | undefined>();
  readonly #cautions = new Set<string>();
  readonly #start: Facts;
  #facts: Facts;

  constructor(
    plan: Plan,
    facts: Facts,
    registry: Registry<Facts, Ports>,
    receipts: ReadonlyMap<string, unknown>,
  ) {
    this.#plan = plan;
    this.#registry = registry;
    this.#finished = receipts;
    this.#receipts = new Map(receipts);
    this.#start = facts;
    this.#facts = facts;
  }

  /** Previews all steps in plan order. */
  previewAll(): Preview {
    const steps = [
      ...stepsOf(this.#plan.steps).map((step) => this.#preview(step, false)),
      ...stepsOf(this.#plan.after).map((step) => this.#preview(step, true)),
    ];
    const forecast = forecastOf(this.#plan, waitsOf(steps));
    const cautions = [...this.#cautions];
    return { steps, problems: problemsOf(steps), cautions, ...given({ forecast }) };
  }

  #preview(step: Step, after: boolean): StepPreview {
    const task = taskOf(this.#registry, step);
    const subject = subjectOf(this.#plan, step);
    const resolved = resolve(step.input, this.#receipts);
    const input = resolved.kind === 'value' ? resolved.value : undefined;
    if (resolved.kind === 'waits') this.#undecided.add(subject.host);
    const verdict: PreviewVerdict =
      resolved.kind === 'waits'
        ? { kind: 'unknown', waitsFor: resolved.for }
        : this.#finished.has(step.id)
          ? { kind: 'done', because: 'already done' }
          : this.#check(task, resolved.value, subject, resolved.from);
    return {
      step,
      title: (verdict.kind === 'todo' ? verdict.title : undefined) ?? titleOf(task, input, subject),
      verdict,
      ...(typeof task.undo === 'object' ? { never: task.undo.never } : {}),
      after,
    };
  }

  #check(
    task: AnyTask<Facts, Ports>,
    input: unknown,
    subject: Subject,
    from: readonly string[],
  ): PreviewVerdict {
    const verdict = checkTask(task, this.#facts, input, subject);
    if (verdict.kind === 'blocked') return verdict;
    const isTentative =
      this.#isUndecided(subject.host) ||
      from.some((step) => this.#tentative.has(step)) ||
      !sameVerdict(verdict, checkTask(task, this.#start, input, subject));
    for (const caution of verdict.cautions ?? []) this.#cautions.add(caution);
    if (verdict.kind === 'done') {
      this.#receipts.set(subject.step, verdict.receipt);
      if (isTentative) this.#tentative.add(subject.step);
      return { kind: 'done', because: verdict.because };
    }
    this.intents.set(subject.step, verdict.intent);
    this.#facts = verdict.predict(this.#facts);
    if (verdict.expect !== undefined) this.#receipts.set(subject.step, verdict.expect);
    this.#tentative.add(subject.step);
    const { changes, waits, title } = verdict;
    const certainty = isTentative ? 'expected' : 'certain';
    return { kind: 'todo', changes, certainty, ...given({ waits, title }) };
  }

  #isUndecided(host: string | undefined): boolean {
    if (host === undefined) return this.#undecided.size > 0;
    return this.#undecided.has(host) || this.#undecided.has(undefined);
  }
}

/** Returns a step's title, or its task's summary while the input is unknown. */
export function titleOf<Facts, Ports>(task: AnyTask<Facts, Ports>, input: unknown, subject: Subject): string {
  return task.input.safeParse(input).success ? task.title(input, subject) : task.summary;
}

function sameVerdict<Facts>(
  one: Verdict<Facts, unknown, unknown>,
  other: Verdict<Facts, unknown, unknown>,
): boolean {
  if (one.kind === 'todo' && other.kind === 'todo') {
    return JSON.stringify(one.changes) === JSON.stringify(other.changes);
  }
  return one.kind === other.kind;
}

function waitsOf(steps: readonly StepPreview[]): ReadonlyMap<string, readonly ExpectedWait[]> {
  return new Map(
    steps.flatMap(({ step, verdict }) => (verdict.kind === 'todo' ? [[step.id, verdict.waits ?? []]] : [])),
  );
}

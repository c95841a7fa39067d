import type { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { AnyTask, Change, ExpectedWait, Subject, Verdict } from '../domain/task.js';
import { checkTask, subjectOf, taskOf } from './check-task.js';
import { type Forecast, forecastOf } from './forecast.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { resolve } from './reference.js';
import { stepsOf } from './walk.js';

/** What will become of a step, as far as it can be told before anything is touched. */
export type PreviewVerdict =
  | { readonly kind: 'done'; readonly because: string }
  | {
      readonly kind: 'todo';
      readonly changes: readonly Change[];
      /**
       * `expected`: holds if the steps before it do what they are expected to, and those on the same host that are
       * unknown yet do not interfere.
       */
      readonly certainty: 'certain' | 'expected';
      readonly waits?: readonly ExpectedWait[];
    }
  /** Decided after another step. */
  | { readonly kind: 'unknown'; readonly waitsFor: string }
  | { readonly kind: 'blocked'; readonly problems: readonly Failure[] };

export interface StepPreview {
  readonly step: Step;
  readonly title: string;
  readonly verdict: PreviewVerdict;
  /** Why it is never taken back, where that is so. */
  readonly never?: string;
  /** Whether it belongs to the part past the commit. */
  readonly after: boolean;
}

/** The dry run of a plan, in the order of the plan. */
export interface Preview {
  readonly steps: readonly StepPreview[];
  /** What blocks any step, each problem once: nothing may start while there is one. */
  readonly problems: readonly Failure[];
  /** What should be known before it is begun, each once. */
  readonly cautions: readonly string[];
  /** How long it takes at least; absent where nothing is known to take long. */
  readonly forecast?: Forecast;
}

/**
 * Says what the plan would do, from facts alone. `receipts` holds those of steps that an earlier process has
 * finished. Throws a failure of kind `usage` when a task is not known.
 */
export function preview<Facts, Ports>(
  plan: Plan,
  facts: Facts,
  registry: Registry<Facts, Ports>,
  receipts: ReadonlyMap<string, unknown> = new Map(),
): Preview {
  return new DryRun(plan, facts, registry, receipts).previewAll();
}

/** The problems of the steps, each once. */
function problemsOf(steps: readonly StepPreview[]): readonly Failure[] {
  const problems = steps.flatMap(({ verdict }) => (verdict.kind === 'blocked' ? verdict.problems : []));
  const known = new Map(
    problems.map((problem) => [JSON.stringify([problem.code, problem.host, problem.message]), problem]),
  );
  return [...known.values()];
}

/** Whether a preview says that all is as it should be. */
export function nothingToDo({ steps }: Preview): boolean {
  return steps.every(({ verdict }) => verdict.kind === 'done');
}

/** The facts and receipts as they will be, step by step. */
export class DryRun<Facts, Ports> {
  /** What the steps that were seen are about to do. */
  readonly intents = new Map<string, unknown>();
  readonly #plan: Plan;
  readonly #registry: Registry<Facts, Ports>;
  readonly #finished: ReadonlyMap<string, unknown>;
  readonly #receipts: Map<string, unknown>;
  /** Steps whose receipt may turn out otherwise. */
  readonly #tentative = new Set<string>();
  /** Where steps act of which nobody knows yet what they do. */
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

  /** Looks at the steps in the order of the plan. */
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
          ? { kind: 'done', because: 'done before' }
          : this.#check(task, resolved.value, subject, resolved.from);
    return {
      step,
      title: titleOf(task, input, subject),
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
    if (verdict.kind === 'done') {
      this.#receipts.set(subject.step, verdict.receipt);
      if (isTentative) this.#tentative.add(subject.step);
      return { kind: 'done', because: verdict.because };
    }
    this.intents.set(subject.step, verdict.intent);
    for (const caution of verdict.cautions ?? []) this.#cautions.add(caution);
    this.#facts = verdict.predict(this.#facts);
    if (verdict.expect !== undefined) this.#receipts.set(subject.step, verdict.expect);
    this.#tentative.add(subject.step);
    const { changes, waits } = verdict;
    const certainty = isTentative ? 'expected' : 'certain';
    return { kind: 'todo', changes, certainty, ...given({ waits }) };
  }

  #isUndecided(host: string | undefined): boolean {
    if (host === undefined) return this.#undecided.size > 0;
    return this.#undecided.has(host) || this.#undecided.has(undefined);
  }
}

/** A step's title in a person's words, or the summary of its task while the input is not known. */
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

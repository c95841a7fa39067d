import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from './events.js';
import type { FailurePolicy, Plan } from './plan.js';
import { stepsOf } from './walk.js';

/** How far a step is. */
export type StepState =
  | { readonly kind: 'skipped' }
  /** The intent has no answer: it is under way, or its process died, or it failed. */
  | {
      readonly kind: 'started';
      readonly title: string;
      readonly intent: unknown;
      readonly commits: boolean;
    }
  | { readonly kind: 'done'; readonly title: string; readonly intent: unknown }
  | { readonly kind: 'undone' }
  /** Its effects are never taken back. */
  | { readonly kind: 'kept' };

export type Direction = 'forward' | 'revert';

/**
 * How far a run is: the sum of its events and of nothing else, so that a process that reads the journal knows
 * what the one that wrote it knew.
 */
export class Progress {
  readonly plan: Plan;
  readonly #steps = new Map<string, StepState>();
  readonly #receipts = new Map<string, unknown>();
  readonly #redacted = new Set<string>();
  readonly #left = new Map<string, FailureRecord>();
  readonly #after: ReadonlySet<string>;
  /** Steps that commit and have no answer. */
  readonly #committing = new Set<string>();
  #failures: readonly FailureRecord[] = [];
  #cancelledBy: string | undefined;
  /** Reasons why steps are never taken back, by step. */
  readonly #never = new Map<string, string>();
  #committed = false;
  #stopsLater = false;
  #reverting = false;
  #outcome: Outcome | undefined;

  constructor(plan: Plan) {
    this.plan = plan;
    this.#after = new Set(stepsOf(plan.after).map((step) => step.id));
  }

  /** The progress that a journal tells of. Throws a failure of kind `usage` when it does not begin with a run. */
  static of(events: readonly RunEvent[]): Progress {
    const [first, ...rest] = events;
    if (first?.type !== 'run.started') {
      throw new Failure('usage', 'journal.empty', 'the journal does not begin with the start of a run');
    }
    const progress = new Progress(first.plan);
    for (const event of rest) progress.advance(event);
    return progress;
  }

  get steps(): ReadonlyMap<string, StepState> {
    return this.#steps;
  }

  /** Of steps that are done or were skipped, by step. */
  get receipts(): ReadonlyMap<string, unknown> {
    return this.#receipts;
  }

  /** Steps whose receipts the journal holds without the secrets that were in them. */
  get redacted(): ReadonlySet<string> {
    return this.#redacted;
  }

  /** In the order in which they happened; none from the part past the commit. */
  get failures(): readonly FailureRecord[] {
    return this.#failures;
  }

  /** Failures of undo that no later undo has made good, by step. */
  get left(): ReadonlyMap<string, FailureRecord> {
    return this.#left;
  }

  /** The signal that cancelled the run. */
  get cancelledBy(): string | undefined {
    return this.#cancelledBy;
  }

  get committed(): boolean {
    return this.#committed;
  }

  /** Whether a commit is without an answer, so that it may have happened. */
  get committing(): boolean {
    return this.#committing.size > 0;
  }

  /** How the run ended, if it did and has not been resumed since. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Why effects were left when the rest was taken back, by step. */
  get never(): ReadonlyMap<string, string> {
    return this.#never;
  }

  /** What a failure leads to, from here on: it stops as soon as the recipe, a finished step or the commit says so. */
  get policy(): FailurePolicy {
    return this.#committed || this.#stopsLater ? 'stop' : this.plan.onFailure;
  }

  /** A run goes back only while it is certain that nothing was committed. */
  get direction(): Direction {
    return this.#reverting && !this.#committed && !this.committing ? 'revert' : 'forward';
  }

  /** Takes in the next event of the run. */
  advance(event: RunEvent): void {
    switch (event.type) {
      case 'run.resumed':
        this.#resume(event.direction);
        return;
      case 'step.skipped':
        this.#steps.set(event.step, { kind: 'skipped' });
        this.#receipts.set(event.step, event.receipt);
        if (event.commits) this.#committed = true;
        return;
      case 'step.started': {
        const commits = event.commits === true;
        this.#steps.set(event.step, { kind: 'started', title: event.title, intent: event.intent, commits });
        if (commits) this.#committing.add(event.step);
        return;
      }
      case 'step.done':
        this.#finish(event.step, event.receipt);
        if (event.redacted) this.#redacted.add(event.step);
        if (event.onLaterFailure === 'stop') this.#stopsLater = true;
        return;
      case 'step.failed':
        this.#fail(event.step, event.failure);
        return;
      case 'run.committed':
        this.#committed = true;
        return;
      case 'run.cancelled':
        this.#cancel(event.by, event.policy);
        return;
      case 'undo.done':
        this.#steps.set(event.step, { kind: 'undone' });
        this.#left.delete(event.step);
        return;
      case 'undo.failed':
        this.#left.set(event.step, event.failure);
        return;
      case 'undo.never':
        this.#never.set(event.step, event.reason);
        if (!this.#left.has(event.step)) this.#steps.set(event.step, { kind: 'kept' });
        return;
      case 'run.ended':
        this.#outcome = event.outcome;
        return;
      case 'run.started':
      case 'run.warning':
      case 'step.progress':
      case 'undo.started':
        return;
    }
  }

  #resume(direction: Direction): void {
    const isContinuing = direction === this.direction && direction === 'revert';
    if (!isContinuing) {
      this.#failures = [];
      this.#cancelledBy = undefined;
    }
    this.#left.clear();
    this.#reverting = direction === 'revert';
    this.#outcome = undefined;
  }

  #finish(step: string, receipt: unknown): void {
    const state = this.#steps.get(step);
    if (state?.kind !== 'started') return;
    this.#steps.set(step, { kind: 'done', title: state.title, intent: state.intent });
    this.#receipts.set(step, receipt);
    if (state.commits) this.#committed = true;
    this.#committing.delete(step);
  }

  #fail(step: string, failure: FailureRecord): void {
    if (failure.kind !== 'changed') this.#committing.delete(step);
    if (this.#after.has(step)) return;
    const consequence = failure.code === 'run.cancelled' && this.#cancelledBy !== undefined;
    if (!consequence) this.#failures = [...this.#failures, failure];
    if (this.policy === 'revert') this.#reverting = true;
  }

  #cancel(by: string, policy: FailurePolicy): void {
    if (this.#cancelledBy !== undefined) return;
    this.#cancelledBy = by;
    this.#failures = [...this.#failures, failureRecord(cancelledFailure(by))];
    if (policy === 'revert') this.#reverting = true;
  }
}

/** What ends the steps that a cancellation finds under way. */
export function cancelledFailure(by: string): Failure {
  return new Failure('interrupted', 'run.cancelled', `cancelled by ${by}`);
}

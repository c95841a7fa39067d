import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from './events.js';
import type { FailurePolicy, Plan } from './plan.js';
import { stepsOf } from './walk.js';

/** The state of a step. */
export type StepState =
  | { readonly kind: 'skipped' }
  /** Not finished: it is running, it failed, or its process died. */
  | {
      readonly kind: 'started';
      readonly title: string;
      readonly intent: unknown;
      readonly commits: boolean;
    }
  | { readonly kind: 'done'; readonly title: string; readonly intent: unknown }
  | { readonly kind: 'undone' }
  /** It cannot be undone. */
  | { readonly kind: 'kept' };

export type Direction = 'forward' | 'revert';

/** The progress of a run. Depends on its events only, so that it can be restored from the journal. */
export class Progress {
  readonly plan: Plan;
  readonly #steps = new Map<string, StepState>();
  readonly #receipts = new Map<string, unknown>();
  readonly #redacted = new Set<string>();
  readonly #redactedIntents = new Set<string>();
  #redactedPlan = false;
  readonly #left = new Map<string, FailureRecord>();
  readonly #after: ReadonlySet<string>;
  /** Unfinished steps that commit. */
  readonly #committing = new Set<string>();
  #failures: readonly FailureRecord[] = [];
  #cancelledBy: string | undefined;
  /** Reasons why steps cannot be undone, by step. */
  readonly #never = new Map<string, string>();
  #committed = false;
  #stopsLater = false;
  #reverting = false;
  #outcome: Outcome | undefined;

  constructor(plan: Plan) {
    this.plan = plan;
    this.#after = new Set(stepsOf(plan.after).map((step) => step.id));
  }

  /** Restores progress from events. Throws a usage {@link Failure} if the first one is not `run.started`. */
  static of(events: readonly RunEvent[]): Progress {
    const [first, ...rest] = events;
    if (first?.type !== 'run.started') {
      throw new Failure('usage', 'journal.empty', 'the first event of a journal must be run.started');
    }
    const progress = new Progress(first.plan);
    progress.#redactedPlan = first.redacted === true;
    for (const event of rest) progress.advance(event);
    return progress;
  }

  get steps(): ReadonlyMap<string, StepState> {
    return this.#steps;
  }

  /** Receipts of done and skipped steps, by step. */
  get receipts(): ReadonlyMap<string, unknown> {
    return this.#receipts;
  }

  /** Steps whose receipts lost a secret in the journal. */
  get redacted(): ReadonlySet<string> {
    return this.#redacted;
  }

  /** Steps whose intents lost a secret in the journal. */
  get redactedIntents(): ReadonlySet<string> {
    return this.#redactedIntents;
  }

  /** Whether the plan lost a secret in the journal. */
  get redactedPlan(): boolean {
    return this.#redactedPlan;
  }

  /** In order, without those after the commit. */
  get failures(): readonly FailureRecord[] {
    return this.#failures;
  }

  /** Failed undos that did not succeed later, by step. */
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

  /** Whether a commit is unfinished, so that it may have happened. */
  get committing(): boolean {
    return this.#committing.size > 0;
  }

  /** The outcome if the run has ended and was not resumed since. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Reasons why steps were not undone, by step. */
  get never(): ReadonlyMap<string, string> {
    return this.#never;
  }

  /** The failure policy from here on: `stop` if the recipe, a finished step or the commit requires it. */
  get policy(): FailurePolicy {
    return this.#committed || this.#stopsLater ? 'stop' : this.plan.onFailure;
  }

  /** The direction of the run. It is undone only if it certainly has not committed. */
  get direction(): Direction {
    return this.#reverting && !this.#committed && !this.committing ? 'revert' : 'forward';
  }

  /** Applies the next event of the run. */
  advance(event: RunEvent): void {
    switch (event.type) {
      case 'run.resumed':
        this.#resume(event.direction, event.requested === true);
        return;
      case 'step.skipped':
        this.#steps.set(event.step, { kind: 'skipped' });
        this.#receipts.set(event.step, event.receipt);
        if (event.redacted) this.#redacted.add(event.step);
        if (event.commits) this.#committed = true;
        return;
      case 'step.started': {
        const commits = event.commits === true;
        this.#steps.set(event.step, { kind: 'started', title: event.title, intent: event.intent, commits });
        if (event.redacted) this.#redactedIntents.add(event.step);
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

  #resume(direction: Direction, isRequested: boolean): void {
    const isContinuing = direction === this.direction && direction === 'revert' && !isRequested;
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

/** Returns the failure of a cancelled run. */
export function cancelledFailure(by: string): Failure {
  return new Failure('interrupted', 'run.cancelled', `cancelled by ${by}`);
}

import type { FailureRecord } from '../domain/failure.js';
import type { Change } from '../domain/task.js';
import type { FailurePolicy, Plan } from './plan.js';

/** How a run ended. */
export interface Outcome {
  /**
   * `done`: all steps; `unchanged`: there was nothing to do; `reverted`: failed or cancelled, everything taken back;
   * `stopped`: failed or cancelled, left as it is; `incomplete`: taking back failed in places.
   */
  readonly result: 'done' | 'unchanged' | 'reverted' | 'stopped' | 'incomplete';
  readonly exitCode: number;
  /** The first failure is the cause of the others. */
  readonly failures: readonly FailureRecord[];
  /** Failures of `undo`: what is not as it was. */
  readonly left: readonly FailureRecord[];
  /** Steps whose effects are never taken back, with the reason. */
  readonly never: readonly { readonly step: string; readonly reason: string }[];
  readonly cancelled: boolean;
  readonly committed: boolean;
}

/** What the engine says: its only output. All but `step.progress` are journaled; `at` is ISO 8601, `ms` a duration. */
export type RunEvent =
  | { readonly type: 'run.started'; readonly at: string; readonly plan: Plan }
  | { readonly type: 'run.resumed'; readonly at: string; readonly direction: 'forward' | 'revert' }
  | {
      readonly type: 'step.skipped';
      readonly step: string;
      readonly because: string;
      readonly receipt: unknown;
      /** Set when a person should read why. */
      readonly news?: true;
      /** Set when the task commits. */
      readonly commits?: true;
    }
  | {
      readonly type: 'step.started';
      readonly at: string;
      readonly step: string;
      readonly title: string;
      readonly changes: readonly Change[];
      readonly intent: unknown;
      /** Set when the task commits: until the step is answered nobody knows whether the run is committed. */
      readonly commits?: true;
    }
  | {
      readonly type: 'step.progress';
      readonly step: string;
      readonly text: string;
      readonly fraction?: number;
    }
  | {
      readonly type: 'step.done';
      readonly step: string;
      readonly ms: number;
      readonly receipt: unknown;
      /** Set in a journal when the receipt held a secret, which was not written. */
      readonly redacted?: true;
      /** What a failure leads to from here on, where the step says so. */
      readonly onLaterFailure?: FailurePolicy;
    }
  | {
      readonly type: 'step.failed';
      readonly step: string;
      readonly ms: number;
      readonly failure: FailureRecord;
    }
  | { readonly type: 'run.warning'; readonly step?: string; readonly text: string }
  | { readonly type: 'run.committed'; readonly at: string }
  | {
      readonly type: 'run.cancelled';
      readonly at: string;
      readonly by: string;
      readonly policy: FailurePolicy;
    }
  | { readonly type: 'undo.started'; readonly step: string; readonly title: string }
  | { readonly type: 'undo.done'; readonly step: string; readonly ms: number }
  | {
      readonly type: 'undo.failed';
      readonly step: string;
      readonly ms: number;
      readonly failure: FailureRecord;
    }
  | { readonly type: 'undo.never'; readonly step: string; readonly reason: string }
  | { readonly type: 'run.ended'; readonly at: string; readonly ms: number; readonly outcome: Outcome };

import type { FailedLog, FailureRecord } from '../domain/failure.js';
import type { Change } from '../domain/task.js';
import type { FailurePolicy, Plan } from './plan.js';

/** The outcome of a run. */
export interface Outcome {
  /**
   * `done`: all steps succeeded; `unchanged`: nothing to do; `reverted`: failed or cancelled, everything was undone;
   * `stopped`: failed or cancelled, changes were left in place; `incomplete`: some undos failed.
   */
  readonly result: 'done' | 'unchanged' | 'reverted' | 'stopped' | 'incomplete';
  readonly exitCode: number;
  /** The first one caused the others. */
  readonly failures: readonly FailureRecord[];
  /** Failed undos: changes that remain. */
  readonly left: readonly FailureRecord[];
  /** Steps that cannot be undone, with the reason. */
  readonly never: readonly { readonly step: string; readonly reason: string }[];
  readonly cancelled: boolean;
  readonly committed: boolean;
}

/** An event of a run, the only output of the engine. All except `step.progress` are journaled. `at` is ISO 8601, `ms` a duration. */
export type RunEvent =
  | {
      readonly type: 'run.started';
      readonly at: string;
      readonly plan: Plan;
      /** Set in a journal if a secret was removed from the plan. */
      readonly redacted?: true;
    }
  | {
      readonly type: 'run.resumed';
      readonly at: string;
      readonly direction: 'forward' | 'revert';
      /** Set if the undo was requested: it is no consequence of a failure then. */
      readonly requested?: true;
    }
  | {
      readonly type: 'step.skipped';
      readonly step: string;
      readonly because: string;
      readonly receipt: unknown;
      /** Set in a journal if a secret was removed from the receipt. */
      readonly redacted?: true;
      /** Set if the reason should be shown. */
      readonly news?: true;
      /** Set if the task commits. */
      readonly commits?: true;
    }
  | {
      readonly type: 'step.started';
      readonly at: string;
      readonly step: string;
      readonly title: string;
      readonly changes: readonly Change[];
      readonly intent: unknown;
      /** Set in a journal if a secret was removed from the intent. */
      readonly redacted?: true;
      /** Set if the task commits: the run may be committed from here on. */
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
      /** Set in a journal if a secret was removed from the receipt. */
      readonly redacted?: true;
      /** The failure policy from here on, if the step changes it. */
      readonly onLaterFailure?: FailurePolicy;
    }
  | {
      readonly type: 'step.failed';
      readonly step: string;
      readonly ms: number;
      readonly failure: FailureRecord;
      /** The container's last lines, for `logs --run`. */
      readonly log?: FailedLog;
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
  | {
      readonly type: 'undo.done';
      readonly step: string;
      readonly ms: number;
      /** What the undo did, if its task tells. */
      readonly receipt?: unknown;
    }
  | {
      readonly type: 'undo.failed';
      readonly step: string;
      readonly ms: number;
      readonly failure: FailureRecord;
    }
  | {
      readonly type: 'undo.never';
      readonly step: string;
      readonly reason: string;
      /** Set if no undo was started. */
      readonly title?: string;
    }
  | { readonly type: 'run.ended'; readonly at: string; readonly ms: number; readonly outcome: Outcome };

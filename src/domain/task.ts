import type { z } from 'zod';
import type { Clock } from './clock.js';
import type { EnvironmentId } from './environment.js';
import type { Failure } from './failure.js';
import type { CloudCommand, PlainCommand } from './plain-command.js';
import type { Instance, Service } from './service.js';

/** One execution of a recipe. */
export interface RunInfo extends EnvironmentId {
  readonly id: string;
  readonly recipe: string;
  readonly who: string;
  readonly commit?: string;
  /** ISO 8601. */
  readonly started: string;
}

/** Where a task runs: once, for each service, on each instance of each service, or on each host. */
export type Scope = 'run' | 'service' | 'instance' | 'host';

/** A system that a task needs: hosts over SSH, the image registry, or the cloud's load balancers. */
export type Need = 'hosts' | 'registry' | 'cloud';

/** The systems that a task needs, for all services or depending on the step's service. */
export type Needs = readonly Need[] | ((service: Service | undefined) => readonly Need[]);

/** The service, instance and host of a step, as far as its task's scope has them. */
export interface Subject {
  readonly run: RunInfo;
  readonly step: string;
  /** All services of the run. */
  readonly services: readonly Service[];
  readonly service?: Service;
  readonly instance?: Instance;
  /** The host name, for the scopes `instance` and `host`. */
  readonly host?: string;
}

/** A change in the plan, and its host. */
export interface Change {
  readonly host?: string;
  readonly text: string;
}

/** A wait that bounds the speed of a step. */
export interface ExpectedWait {
  /** ms */
  readonly ms: number;
  /** The cause: `the deregistration delay of shop-web, 300 s`. */
  readonly cause: string;
  /** How to shorten it, if possible. */
  readonly better?: string;
}

/** The result of a check: nothing to do, changes to make, or problems that block the step. */
export type Verdict<Facts, Intent, Receipt> =
  | {
      readonly kind: 'done';
      readonly because: string;
      readonly receipt: Receipt;
      /** Set if the reason should be shown: it is a decision. */
      readonly news?: true;
      /** Warnings to show before the run. */
      readonly cautions?: readonly string[];
    }
  | {
      readonly kind: 'todo';
      /** Replaces the task's title, if the facts tell more than the input. */
      readonly title?: string;
      readonly changes: readonly Change[];
      /** Journaled before `apply`: chosen names and the state before. */
      readonly intent: Intent;
      /** Returns the facts after this step, for the checks of later steps. */
      readonly predict: (facts: Facts) => Facts;
      /** The receipt, if it is already known. */
      readonly expect?: Receipt;
      /** In sequence. */
      readonly waits?: readonly ExpectedWait[];
      /** Warnings to show before the run. They do not block the step. */
      readonly cautions?: readonly string[];
    }
  | { readonly kind: 'blocked'; readonly problems: readonly Failure[] };

/** The context of `apply` and `undo`. `Ports` are the systems that the tasks work on. */
export interface TaskContext<Ports> {
  readonly ports: Ports;
  readonly subject: Subject;
  readonly clock: Clock;
  /** Aborted when the run is cancelled. Work that must not be interrupted ignores it. */
  readonly signal: AbortSignal;
  /** Reports progress. `fraction` is 0 to 1. */
  progress(text: string, fraction?: number): void;
  /** Reports a warning. */
  warn(text: string): void;
}

/**
 * Undoes the effects of `apply`, complete or partial; checks before it acts. `receipt` is missing if `apply` did not finish. May return
 * what it did, for the journal and reports.
 */
export type Undo<Ports, Intent, Receipt> = (
  context: TaskContext<Ports>,
  intent: Intent,
  receipt: Receipt | undefined,
) => Promise<unknown>;

/** A reusable action: checks first, describes its changes, applies them, leaves a receipt, and can undo them. */
export interface Task<Facts, Ports, Input, Intent, Receipt> {
  /** `noun.verb`. */
  readonly name: string;
  /** Increased when journals of the previous version can no longer be resumed. */
  readonly version: number;
  readonly scope: Scope;
  /** The systems that a run connects to for this task. */
  readonly needs: Needs;
  /** Whether the service needs this step; if absent, every service does. */
  readonly appliesTo?: (service: Service) => boolean;
  /** Set if the result depends on the current release. */
  readonly dependsOnCurrent?: true;
  /** One sentence for `recipe show` and the reference. */
  readonly summary: string;
  /** The name of the receipt in later steps: `rollout` for `{{ rollout.release }}`. */
  readonly provides?: string;
  readonly input: z.ZodType<Input>;
  readonly intent: z.ZodType<Intent>;
  readonly receipt: z.ZodType<Receipt>;
  /** Defaults of inputs, as written in a recipe: `'{{ rollout.release }}'`. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Set if this step commits the run: it cannot be undone afterwards. */
  readonly commits?: true;
  /** Describes the step. */
  title(input: Input, subject: Subject): string;
  /** Compares the facts with the desired state. Pure. */
  check(facts: Facts, input: Input, subject: Subject): Verdict<Facts, Intent, Receipt>;
  /** Returns the commands that do the same manually, without secret values. Pure. */
  explain(intent: Intent, subject: Subject): readonly (PlainCommand | CloudCommand)[];
  /** Makes the changes. Idempotent: safe to repeat with the same intent after a crash. */
  apply(context: TaskContext<Ports>, intent: Intent): Promise<Receipt>;
  readonly undo: Undo<Ports, Intent, Receipt> | Irreversible<Ports, Intent, Receipt> | NoUndo;
  /** Whether there is anything to undo; by default there is. */
  undoes?(intent: Intent): boolean;
  /** Overrides the recipe's failure policy once this step is done. */
  onLaterFailure?(receipt: Receipt): 'revert' | 'stop' | undefined;
}

/** An effect that cannot be undone, with the reason. `tidy` removes temporary resources. */
export interface Irreversible<Ports, Intent, Receipt> {
  readonly never: string;
  readonly tidy?: Undo<Ports, Intent, Receipt>;
}

/** Marks a task that has nothing to undo: it changes nothing, or its effects are harmless. */
export type NoUndo = 'nothing';

/** A task that validates its inputs, intents and receipts. Used in registries, plans and journals. */
export type AnyTask<Facts, Ports> = Task<Facts, Ports, unknown, unknown, unknown>;

/** Wraps a typed task so that its schemas validate every value from outside. */
export function defineTask<Facts, Ports, Input, Intent, Receipt>(
  task: Task<Facts, Ports, Input, Intent, Receipt>,
): AnyTask<Facts, Ports> {
  const { undo, undoes, onLaterFailure, ...rest } = task;
  const withParsed =
    (act: Undo<Ports, Intent, Receipt>): Undo<Ports, unknown, unknown> =>
    (context, intent, receipt) =>
      act(
        context,
        task.intent.parse(intent),
        receipt === undefined ? undefined : task.receipt.parse(receipt),
      );
  const parsedUndo =
    undo === 'nothing'
      ? undo
      : typeof undo === 'function'
        ? withParsed(undo)
        : { never: undo.never, ...(undo.tidy === undefined ? {} : { tidy: withParsed(undo.tidy) }) };
  return {
    ...rest,
    title: (input, subject) => task.title(task.input.parse(input), subject),
    check: (facts, input, subject) => task.check(facts, task.input.parse(input), subject),
    explain: (intent, subject) => task.explain(task.intent.parse(intent), subject),
    apply: (context, intent) => task.apply(context, task.intent.parse(intent)),
    undo: parsedUndo,
    ...(undoes === undefined ? {} : { undoes: (intent: unknown) => undoes(task.intent.parse(intent)) }),
    ...(onLaterFailure === undefined
      ? {}
      : { onLaterFailure: (receipt: unknown) => onLaterFailure(task.receipt.parse(receipt)) }),
  };
}

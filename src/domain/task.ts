import type { z } from 'zod';
import type { Clock } from './clock.js';
import type { EnvironmentId } from './environment.js';
import type { Failure } from './failure.js';
import type { CloudCommand, PlainCommand } from './plain-command.js';
import type { Instance, Service } from './service.js';

/** One execution of a recipe: who does what, where. */
export interface RunInfo extends EnvironmentId {
  readonly id: string;
  readonly recipe: string;
  readonly who: string;
  readonly commit?: string;
  /** ISO 8601. */
  readonly started: string;
}

/** How often a step of a task runs: once, for each service, on each instance of each service, or on each host. */
export type Scope = 'run' | 'service' | 'instance' | 'host';

/** What a task works on: hosts over SSH, the registry that resolves references, the cloud's load balancers. */
export type Need = 'hosts' | 'registry' | 'cloud';

/** The same for all services, or by the service of the step. */
export type Needs = readonly Need[] | ((service: Service | undefined) => readonly Need[]);

/** What a step is about: as much of it as the scope of its task has. */
export interface Subject {
  readonly run: RunInfo;
  readonly step: string;
  /** All services of the run. */
  readonly services: readonly Service[];
  readonly service?: Service;
  readonly instance?: Instance;
  /** The name of the host, for the scopes `instance` and `host`. */
  readonly host?: string;
}

/** A line of the plan: what will be different, and on which host. */
export interface Change {
  readonly host?: string;
  readonly text: string;
}

/** Something that a step cannot be faster than. */
export interface ExpectedWait {
  /** ms */
  readonly ms: number;
  /** What it waits for, so that the cause can be found: `the deregistration delay of shop-web, 300 s`. */
  readonly cause: string;
  /** What would shorten it, where something would. */
  readonly better?: string;
}

/** What a check sees: nothing to do, something to do, or a reason why it cannot be done. */
export type Verdict<Facts, Intent, Receipt> =
  | {
      readonly kind: 'done';
      readonly because: string;
      readonly receipt: Receipt;
      /** Set when a person should read why, though nothing is done: a decision. */
      readonly news?: true;
    }
  | {
      readonly kind: 'todo';
      readonly changes: readonly Change[];
      /** Journaled before `apply`: names chosen, and the state before. */
      readonly intent: Intent;
      /** The facts once this is done, for the checks of later steps. */
      readonly predict: (facts: Facts) => Facts;
      /** The receipt, where it is already known what it will say. */
      readonly expect?: Receipt;
      /** One after the other. */
      readonly waits?: readonly ExpectedWait[];
      /** What does not keep the step from being done, but should be known before. */
      readonly cautions?: readonly string[];
    }
  | { readonly kind: 'blocked'; readonly problems: readonly Failure[] };

/** What `apply` and `undo` are given. `Ports` is what the tasks of this program work on. */
export interface TaskContext<Ports> {
  readonly ports: Ports;
  readonly subject: Subject;
  readonly clock: Clock;
  /** Aborted when the run is cancelled; what must not be cut short ignores it. */
  readonly signal: AbortSignal;
  /** Says how far the step is. `fraction` is 0 to 1. */
  progress(text: string, fraction?: number): void;
  /** Says something that a person should know though nothing failed. */
  warn(text: string): void;
}

/** Takes back what `apply` did or may have done; looks before it acts. The receipt is missing when `apply` never answered. */
export type Undo<Ports, Intent, Receipt> = (
  context: TaskContext<Ports>,
  intent: Intent,
  receipt: Receipt | undefined,
) => Promise<void>;

/** A reusable action: looks before it touches, says what it will do, can take it back, leaves a receipt. */
export interface Task<Facts, Ports, Input, Intent, Receipt> {
  /** `noun.verb`. */
  readonly name: string;
  /** Raised when a journal of the old one could not be resumed by the new one. */
  readonly version: number;
  readonly scope: Scope;
  /** What a run opens before this task looks and acts: nothing else is connected to. */
  readonly needs: Needs;
  /** Set where the outcome depends on which release is current. */
  readonly dependsOnCurrent?: true;
  /** One sentence for `recipe show` and the reference. */
  readonly summary: string;
  /** The name under which later steps refer to the receipt: `rollout` for `{{ rollout.release }}`. */
  readonly provides?: string;
  readonly input: z.ZodType<Input>;
  readonly intent: z.ZodType<Intent>;
  readonly receipt: z.ZodType<Receipt>;
  /** Inputs that a recipe need not write, as it would write them: `'{{ rollout.release }}'`. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Past this step the run only goes forward. */
  readonly commits?: true;
  /** What the step does, in a person's words. */
  title(input: Input, subject: Subject): string;
  /** Pure: looks at the facts, touches nothing. */
  check(facts: Facts, input: Input, subject: Subject): Verdict<Facts, Intent, Receipt>;
  /** Pure: what a person would type instead of `apply`, for who wants to see or do it by hand. Never with values of secrets. */
  explain(intent: Intent, subject: Subject): readonly (PlainCommand | CloudCommand)[];
  /** Idempotent: safe to run again with the same intent after a crash. */
  apply(context: TaskContext<Ports>, intent: Intent): Promise<Receipt>;
  readonly undo: Undo<Ports, Intent, Receipt> | Irreversible<Ports, Intent, Receipt> | NoUndo;
  /** What a later failure leads to once this step is done, where that is not the recipe's own policy. */
  onLaterFailure?(receipt: Receipt): 'revert' | 'stop' | undefined;
}

/** An effect that stays, with the reason; `tidy` removes what was only needed to bring it about. */
export interface Irreversible<Ports, Intent, Receipt> {
  readonly never: string;
  readonly tidy?: Undo<Ports, Intent, Receipt>;
}

/** There is nothing to take back: it only looks, or what it leaves is in nobody's way. */
export type NoUndo = 'nothing';

/** A task whose inputs, intents and receipts are parsed at its edge: what registries, plans and journals hold. */
export type AnyTask<Facts, Ports> = Task<Facts, Ports, unknown, unknown, unknown>;

/** Makes a task out of its typed definition; every value that enters it from outside is parsed by its schema. */
export function defineTask<Facts, Ports, Input, Intent, Receipt>(
  task: Task<Facts, Ports, Input, Intent, Receipt>,
): AnyTask<Facts, Ports> {
  const { undo, onLaterFailure, ...rest } = task;
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
    ...(onLaterFailure === undefined
      ? {}
      : { onLaterFailure: (receipt: unknown) => onLaterFailure(task.receipt.parse(receipt)) }),
  };
}

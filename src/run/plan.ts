import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';

/** Refers to an earlier step's receipt, or to its field at `path`. */
export interface Reference {
  readonly $from: string;
  readonly path: readonly string[];
}

/** A task bound to its inputs. Inputs may hold {@link Reference}s at any depth. */
export interface Step {
  /** Unique in the plan and readable: `container.start/web/web-1`. */
  readonly id: string;
  readonly task: string;
  readonly version: number;
  readonly service?: string;
  readonly instance?: string;
  readonly host?: string;
  readonly input: unknown;
}

/** A step, steps in sequence, or parallel branches that may wait for each other. */
export type PlanNode =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'sequence'; readonly nodes: readonly PlanNode[] }
  | { readonly kind: 'graph'; readonly branches: readonly Branch[] };

export interface Branch {
  readonly id: string;
  readonly after: readonly string[];
  readonly node: PlanNode;
}

/** The reaction to a failure or cancellation: undo everything, or stop. */
export type FailurePolicy = 'revert' | 'stop';

/** A recipe bound to services, instances and parameters. Executed by a run and stored in its journal. */
export interface Plan {
  readonly run: RunInfo;
  /** A hash of the plan's recipes. */
  readonly recipeHash: string;
  readonly holds: 'hosts' | undefined;
  readonly onFailure: FailurePolicy;
  readonly params: Readonly<Record<string, unknown>>;
  readonly services: readonly Service[];
  readonly steps: PlanNode;
  /** Steps after the commit: failures here are only warnings. */
  readonly after: PlanNode;
}

import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';

/** A value that an earlier step's receipt will give: the whole receipt, or the field at `path`. */
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

/** Steps in order, or branches of which each starts when those that it comes after are finished. */
export type PlanNode =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'sequence'; readonly nodes: readonly PlanNode[] }
  | { readonly kind: 'graph'; readonly branches: readonly Branch[] };

export interface Branch {
  readonly id: string;
  readonly after: readonly string[];
  readonly node: PlanNode;
}

/** What a failure or a cancellation leads to. */
export type FailurePolicy = 'revert' | 'stop';

/** A recipe bound to services, instances and parameters: what a run executes, and what its journal keeps. */
export interface Plan {
  readonly run: RunInfo;
  /** A hash of the recipes that the plan was made of. */
  readonly recipeHash: string;
  readonly holds: 'hosts' | undefined;
  readonly onFailure: FailurePolicy;
  readonly params: Readonly<Record<string, unknown>>;
  readonly services: readonly Service[];
  readonly steps: PlanNode;
  /** Past the commit: a failure here warns. */
  readonly after: PlanNode;
}

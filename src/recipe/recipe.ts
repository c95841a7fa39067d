import type { End, Path, Source } from '../domain/source.js';
import type { FailurePolicy } from '../run/plan.js';

/** The type of a parameter; a list is an enumeration. */
export type ParamType = 'string' | 'number' | 'boolean' | readonly string[];

/** A parameter of a recipe. Without a default it may be unset, which fails only if it is used. */
export interface Param {
  readonly type: ParamType;
  readonly default?: string | number | boolean;
  readonly description?: string;
}
export type Params = ReadonlyMap<string, Param>;

/** A task by name, or `run:` and `remote:`, which stand for `shell.local` and `shell.remote`. */
export interface TaskStep {
  readonly kind: 'task';
  readonly task: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The position of the task's name. */
  readonly path: Path;
  readonly end: End;
  /** Whether the short form `run: command` was used. */
  readonly command: boolean;
  /** Whether it may repeat per service or instance, as `run:` does. */
  readonly repeats: boolean;
}

/** `recipe: name`; the name may contain placeholders of enumerations. */
export interface IncludeStep {
  readonly kind: 'include';
  readonly name: string;
  readonly path: Path;
}

export interface EachStep {
  readonly kind: 'each';
  readonly steps: readonly RecipeStep[];
  readonly path: Path;
}

export interface ParallelStep {
  readonly kind: 'parallel';
  readonly steps: readonly RecipeStep[];
  readonly path: Path;
}

export interface RollingStep {
  readonly kind: 'rolling';
  /** `1`, `25%`, `all`, or a placeholder of a parameter. */
  readonly batch: string | number;
  readonly steps: readonly RecipeStep[];
  readonly path: Path;
}

export type RecipeStep = TaskStep | IncludeStep | EachStep | ParallelStep | RollingStep;

/** A parsed recipe. */
export interface Recipe {
  readonly name: string;
  readonly source: Source;
  /** A plain list of steps that can only be included with `recipe:`. */
  readonly partial: boolean;
  readonly summary: string;
  readonly holds: 'hosts' | undefined;
  readonly onFailure: FailurePolicy;
  readonly params: Params;
  readonly steps: readonly RecipeStep[];
  readonly after: readonly RecipeStep[];
}

/** A checked recipe with its includes. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  /** By name. */
  readonly included: ReadonlyMap<string, Recipe>;
  /** SHA-256 of the names and texts of all of them. */
  readonly hash: string;
}

/** Valid recipe names. */
export const recipeName = /^[a-z][a-z0-9-]{0,63}$/;

import type { End, Path, Source } from '../domain/source.js';
import type { FailurePolicy } from '../run/plan.js';

/** What a parameter may be; a list of words is an enumeration. */
export type ParamType = 'string' | 'number' | 'boolean' | readonly string[];

/** A parameter of a recipe. Without a default it may be missing, which is refused where it is needed. */
export interface Param {
  readonly type: ParamType;
  readonly default?: string | number | boolean;
  readonly description?: string;
}
export type Params = ReadonlyMap<string, Param>;

/** A task by its name, or `run:` and `remote:`, which are the tasks `shell.local` and `shell.remote`. */
export interface TaskStep {
  readonly kind: 'task';
  readonly task: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Where the name of the task stands. */
  readonly path: Path;
  readonly end: End;
  /** Whether it was written `run: command`: the value is the input `command`. */
  readonly command: boolean;
  /** `run:` is repeated for whatever it stands in. */
  readonly repeats: boolean;
}

/** `recipe: name`, with placeholders of enumerations in the name. */
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

/** A recipe as its file says it. */
export interface Recipe {
  readonly name: string;
  readonly source: Source;
  /** A bare list of steps, only to be used by `recipe:`. */
  readonly partial: boolean;
  readonly summary: string;
  readonly holds: 'hosts' | undefined;
  readonly onFailure: FailurePolicy;
  readonly params: Params;
  readonly steps: readonly RecipeStep[];
  readonly after: readonly RecipeStep[];
}

/** A recipe that was checked, with those that it may include. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  /** By name; of an enumeration, those that exist. */
  readonly included: ReadonlyMap<string, Recipe>;
  /** SHA-256 of the names and texts of all of them. */
  readonly hash: string;
}

/** Names that recipes may have. */
export const recipeName = /^[a-z][a-z0-9-]{0,63}$/;

import type { Problem } from '../domain/problem.js';
import type { End, Path, Source } from '../domain/source.js';
import type { Names, Provided } from './names.js';
import type { PlanPosition } from './plan-position.js';
import type { Params, Recipe } from './recipe.js';

/** The receipts that earlier steps provide, by name; several where alternatives differ. */
export type ReceiptScope = ReadonlyMap<string, readonly Provided[]>;

/** Where a check stands. */
export interface Scope {
  readonly source: Source;
  readonly params: Params;
  readonly place: PlanPosition;
  readonly receipts: ReceiptScope;
  /** The recipes that led here. */
  readonly chain: readonly string[];
  readonly holds: Recipe['holds'];
  /** Why a step that commits may not stand here. */
  readonly noCommit: string | undefined;
}

export const namesFor = (scene: Scope, bound: Names['dimensions']): Names => ({
  params: scene.params,
  receipts: scene.receipts,
  dimensions: bound,
});

/** More than anyone reads: what is found after these is not said. */
const mostProblems = 500;

/** Where checks put what they find. */
export class Report {
  readonly problems: Problem[] = [];

  at(
    scene: Scope,
    path: Path,
    message: string,
    options: { readonly end?: End; readonly suggestion?: string | undefined } = {},
  ): void {
    if (this.problems.length >= mostProblems) return;
    const { end = 'value', suggestion } = options;
    const how = suggestion === undefined ? { end } : { end, suggestion };
    this.problems.push(scene.source.problem(path, message, how));
  }

  /** The same, some characters into the value. */
  within(scene: Scope, path: Path, offset: number, message: string, suggestion?: string): void {
    if (this.problems.length < mostProblems)
      this.problems.push(scene.source.problemWithin(path, offset, message, suggestion));
  }
}

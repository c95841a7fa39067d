import type { Problem } from '../domain/problem.js';
import type { End, Path, Source } from '../domain/source.js';
import type { Names, Provided } from './names.js';
import type { PlanPosition } from './plan-position.js';
import type { Params, Recipe } from './recipe.js';

/** The receipts of earlier steps by name; one for each alternative. */
export type ReceiptScope = ReadonlyMap<string, readonly Provided[]>;

/** The position of a check and the names available there. */
export interface CheckContext {
  readonly source: Source;
  readonly params: Params;
  readonly position: PlanPosition;
  readonly receipts: ReceiptScope;
  /** The including recipes, outermost first. */
  readonly chain: readonly string[];
  readonly holds: Recipe['holds'];
  /** Where this is, if a task that commits is not allowed here. */
  readonly noCommit: string | undefined;
}

export const namesFor = (context: CheckContext, bound: Names['dimensions']): Names => ({
  params: context.params,
  receipts: context.receipts,
  dimensions: bound,
});

/** Bounds the output; later problems are dropped. */
const maxProblems = 500;

/** Collects the problems of a check. */
export class Report {
  readonly problems: Problem[] = [];

  at(
    context: CheckContext,
    path: Path,
    message: string,
    options: { readonly end?: End; readonly suggestion?: string | undefined } = {},
  ): void {
    if (this.problems.length >= maxProblems) return;
    const { end = 'value', suggestion } = options;
    const how = suggestion === undefined ? { end } : { end, suggestion };
    this.problems.push(context.source.problem(path, message, how));
  }

  /** Reports a problem at a character offset in a value. */
  within(context: CheckContext, path: Path, offset: number, message: string, suggestion?: string): void {
    if (this.problems.length < maxProblems)
      this.problems.push(context.source.problemWithin(path, offset, message, suggestion));
  }
}

import type { ExpectedWait } from '../domain/task.js';
import type { Branch, Plan, PlanNode } from './plan.js';
import { ordered } from './walk.js';

/** The least time that a plan takes, from its known waits. */
export interface Forecast {
  /** Until the commit, ms. */
  readonly live: number;
  /** After the commit, ms. */
  readonly after: number;
  /** The cause with the longest total wait. */
  readonly most: ExpectedWait;
}

/** Adds up the waits (by step) on the plan's longest path. Returns undefined if there are none. */
export function forecastOf(plan: Plan, waits: Waits): Forecast | undefined {
  const live = longestPath(plan.steps, waits);
  const after = longestPath(plan.after, waits);
  const [most] = totals([...live, ...after]);
  return most === undefined ? undefined : { live: sum(live), after: sum(after), most };
}

type Waits = ReadonlyMap<string, readonly ExpectedWait[]>;

function longestPath(node: PlanNode, waits: Waits): readonly ExpectedWait[] {
  if (node.kind === 'step') return waits.get(node.step.id) ?? [];
  if (node.kind === 'sequence') return node.nodes.flatMap((each) => longestPath(each, waits));
  const paths = new Map<string, readonly ExpectedWait[]>();
  for (const branch of ordered(node.branches)) paths.set(branch.id, pathTo(branch, paths, waits));
  return slowest([...paths.values()]);
}

function pathTo({ after, node }: Branch, paths: Waits, waits: Waits): readonly ExpectedWait[] {
  return [...slowest(after.map((id) => paths.get(id) ?? [])), ...longestPath(node, waits)];
}

const sum = (waits: readonly ExpectedWait[]) => waits.reduce((total, { ms }) => total + ms, 0);

function slowest(paths: readonly (readonly ExpectedWait[])[]): readonly ExpectedWait[] {
  return paths.reduce<readonly ExpectedWait[]>((best, path) => (sum(path) > sum(best) ? path : best), []);
}

/** The total wait for each cause, longest first. */
function totals(waits: readonly ExpectedWait[]): readonly ExpectedWait[] {
  const causes = new Map<string, ExpectedWait>();
  for (const wait of waits) {
    const known = causes.get(wait.cause);
    causes.set(wait.cause, known === undefined ? wait : { ...known, ms: known.ms + wait.ms });
  }
  return [...causes.values()].sort((one, other) => other.ms - one.ms);
}

import type { ExpectedWait } from '../domain/task.js';
import type { Branch, Plan, PlanNode } from './plan.js';
import { ordered } from './walk.js';

/** How long a plan takes, as far as it is known to wait for something: it cannot be faster. */
export interface Forecast {
  /** Until all is done that can be taken back, ms. */
  readonly live: number;
  /** What comes after the commit, ms. */
  readonly after: number;
  /** What costs most, all times that it is waited for together. */
  readonly most: ExpectedWait;
}

/** The waits of a plan, by step, along the path that takes longest; undefined where there is none. */
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

/** Those of one cause together, the longest first. */
function totals(waits: readonly ExpectedWait[]): readonly ExpectedWait[] {
  const causes = new Map<string, ExpectedWait>();
  for (const wait of waits) {
    const known = causes.get(wait.cause);
    causes.set(wait.cause, known === undefined ? wait : { ...known, ms: known.ms + wait.ms });
  }
  return [...causes.values()].sort((one, other) => other.ms - one.ms);
}

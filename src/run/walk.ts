import { Failure } from '../domain/failure.js';
import type { Branch, PlanNode, Step } from './plan.js';

/** Returns all steps of a node in topological order, otherwise as written. */
export function stepsOf(node: PlanNode): readonly Step[] {
  if (node.kind === 'step') return [node.step];
  if (node.kind === 'sequence') return node.nodes.flatMap(stepsOf);
  return ordered(node.branches).flatMap((branch) => stepsOf(branch.node));
}

/** Returns the tree in reverse order. Parallel branches stay parallel. */
export function reversed(node: PlanNode): PlanNode {
  if (node.kind === 'step') return node;
  if (node.kind === 'sequence') return { kind: 'sequence', nodes: node.nodes.map(reversed).reverse() };
  const branches = node.branches.map((branch) => ({
    id: branch.id,
    after: node.branches.filter((other) => other.after.includes(branch.id)).map((other) => other.id),
    node: reversed(branch.node),
  }));
  return { kind: 'graph', branches: branches.reverse() };
}

/**
 * Visits the steps in order, and in parallel where the tree allows it. Steps after a visit that returns `false` are skipped. Resolves
 * after all visits, with whether all returned `true`. Visits must not throw.
 */
export async function walk(node: PlanNode, visit: (step: Step) => Promise<boolean>): Promise<boolean> {
  if (node.kind === 'step') return visit(node.step);
  if (node.kind === 'graph') return walkGraph(node.branches, visit);
  for (const child of node.nodes) {
    if (!(await walk(child, visit))) return false;
  }
  return true;
}

async function walkGraph(
  branches: readonly Branch[],
  visit: (step: Step) => Promise<boolean>,
): Promise<boolean> {
  const finished = new Map<string, Promise<boolean>>();
  for (const branch of ordered(branches)) {
    const before = branch.after.map((id) => finished.get(id));
    const run = async () => (await Promise.all(before)).every(Boolean) && (await walk(branch.node, visit));
    finished.set(branch.id, run());
  }
  return (await Promise.all(finished.values())).every(Boolean);
}

/** Sorts branches topologically, otherwise as written. Throws a usage {@link Failure} if they wait for each other. */
export function ordered(branches: readonly Branch[]): readonly Branch[] {
  const order = new Set<Branch>();
  const done = new Set<string>();
  const ready = (branch: Branch) => branch.after.every((id) => done.has(id));
  while (order.size < branches.length) {
    const next = branches.find((branch) => !order.has(branch) && ready(branch));
    if (next === undefined) {
      const stuck = branches.filter((branch) => !order.has(branch)).map((branch) => branch.id);
      throw new Failure(
        'usage',
        'plan.cycle',
        `branches wait for each other or for unknown branches: ${stuck.join(', ')}`,
      );
    }
    order.add(next);
    done.add(next.id);
  }
  return [...order];
}

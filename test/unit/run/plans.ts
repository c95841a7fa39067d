import fc from 'fast-check';
import type { Branch, Plan, PlanNode, Step } from '../../../src/run/plan.js';
import type { Fault } from '../../fakes/world.js';
import { type Action, graph, parallel, planOf, receiptOf, sequence, step } from './builders.js';

/** Generators for plans: a random shape first, then names and references that keep parallel branches independent. */

type Shape =
  | {
      readonly kind: 'step';
      readonly action: Action;
      readonly value: number;
      readonly pick: number;
      readonly copy: boolean;
    }
  | { readonly kind: 'sequence'; readonly nodes: readonly Shape[] }
  | {
      readonly kind: 'graph';
      readonly branches: readonly { readonly node: Shape; readonly after: readonly boolean[] }[];
    };

/** Resources that no parallel step uses, and earlier steps with receipts. */
interface Visible {
  readonly names: readonly string[];
  readonly steps: readonly string[];
}

function shapes(actions: readonly Action[]): fc.Arbitrary<Shape> {
  const leaf = fc.record({
    kind: fc.constant('step' as const),
    action: fc.constantFrom(...actions),
    value: fc.integer({ min: 0, max: 3 }),
    pick: fc.nat({ max: 5 }),
    copy: fc.boolean(),
  });
  const after = fc.array(fc.boolean(), { maxLength: 3 });
  const inner = (node: fc.Arbitrary<Shape>, minLength = 0): readonly fc.WeightedArbitrary<Shape>[] => [
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('sequence' as const),
        nodes: fc.array(node, { minLength, maxLength: 4, size: 'max' }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('graph' as const),
        branches: fc.array(fc.record({ node, after }), { minLength, maxLength: 4, size: 'max' }),
      }),
    },
  ];
  const { node } = fc.letrec<{ node: Shape }>((tie) => ({
    node: fc.oneof({ maxDepth: 2 }, { weight: 4, arbitrary: leaf }, ...inner(tie('node'))),
  }));
  return fc.oneof(...inner(node, 2));
}

/** Assigns IDs, resources and references to the steps of a shape. */
class Planner {
  #steps = 0;
  #names = 0;

  node(shape: Shape, visible: Visible): { node: PlanNode; visible: Visible } {
    if (shape.kind === 'step') return this.#step(shape, visible);
    if (shape.kind === 'graph') return this.#graph(shape, visible);
    const nodes: PlanNode[] = [];
    let seen = visible;
    for (const child of shape.nodes) {
      const planned = this.node(child, seen);
      nodes.push(planned.node);
      seen = planned.visible;
    }
    return { node: sequence(...nodes), visible: seen };
  }

  #step(
    shape: Extract<Shape, { kind: 'step' }>,
    { names, steps }: Visible,
  ): { node: PlanNode; visible: Visible } {
    const id = `s${this.#steps++}`;
    const name = names[shape.pick] ?? `n${this.#names++}`;
    const source = shape.copy ? steps[shape.pick] : undefined;
    const value = source === undefined ? shape.value : receiptOf(source);
    return {
      node: step(id, shape.action, { name, value }),
      visible: { names: [...new Set([...names, name])], steps: [...steps, id] },
    };
  }

  #graph(shape: Extract<Shape, { kind: 'graph' }>, visible: Visible): { node: PlanNode; visible: Visible } {
    const branches: (Branch & { visible: Visible })[] = [];
    for (const [index, { node, after }] of shape.branches.entries()) {
      const before = branches.filter((_, other) => after[other]);
      const steps = [...visible.steps, ...before.flatMap((branch) => branch.visible.steps)];
      const planned = this.node(node, { names: [], steps: [...new Set(steps)] });
      branches.push({ id: `b${index}`, after: before.map(({ id }) => id), ...planned });
    }
    const all = [visible, ...branches.map((branch) => branch.visible)];
    return {
      node: graph(...branches.map(({ id, after, node }) => ({ id, after, node })).reverse()),
      visible: {
        names: [...new Set(all.flatMap(({ names }) => names))],
        steps: [...new Set(all.flatMap(({ steps }) => steps))],
      },
    };
  }
}

const nothing: Visible = { names: [], steps: [] };

/** Plans without a commit, whose effects can all be undone. */
export const reversiblePlans: fc.Arbitrary<Plan> = shapes(['set', 'surprise']).map((shape) =>
  planOf(new Planner().node(shape, nothing).node),
);

/** Plans with a commit step, more steps, and an `after` part. */
export const committingPlans: fc.Arbitrary<Plan> = fc
  .tuple(shapes(['set', 'surprise']), shapes(['set']), shapes(['set', 'surprise']))
  .map(([before, later, after]) => {
    const planner = new Planner();
    const first = planner.node(before, nothing);
    const second = planner.node(later, first.visible);
    const third = planner.node(after, second.visible);
    const steps = sequence(first.node, step('commit', 'commit'), second.node);
    return planOf(steps, third.node);
  });

/** Rollouts in batches of `width` instances with `length` steps each. */
export const rollouts = fc
  .record({
    batches: fc.integer({ min: 1, max: 4 }),
    width: fc.integer({ min: 1, max: 4 }),
    length: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ batches, width, length }) => {
    const instance = (batch: number, column: number) =>
      sequence(...range(length).map((at) => step(`${batch}/${column}/${at}`)));
    const batch = (number: number) => parallel(...range(width).map((column) => instance(number, column)));
    return { plan: planOf(sequence(...range(batches).map(batch))), width };
  });

export function range(length: number): readonly number[] {
  return [...Array(length).keys()];
}

/** All steps of a node. Does not use the tested code. */
export function allSteps(node: PlanNode): readonly Step[] {
  if (node.kind === 'step') return [node.step];
  const children = node.kind === 'sequence' ? node.nodes : node.branches.map((branch) => branch.node);
  return children.flatMap(allSteps);
}

/** Pairs of steps; the first must finish before the second starts. */
export function orderedPairs(node: PlanNode): readonly (readonly [string, string])[] {
  if (node.kind === 'step') return [];
  if (node.kind === 'sequence') {
    const across = node.nodes.flatMap((first, at) =>
      node.nodes.slice(at + 1).flatMap((second) => product(first, second)),
    );
    return [...node.nodes.flatMap(orderedPairs), ...across];
  }
  const byId = new Map(node.branches.map((branch) => [branch.id, branch]));
  const ancestors = (branch: Branch): readonly Branch[] =>
    branch.after.flatMap((id) => {
      const before = byId.get(id);
      return before === undefined ? [] : [before, ...ancestors(before)];
    });
  const across = node.branches.flatMap((branch) =>
    [...new Set(ancestors(branch))].flatMap((before) => product(before.node, branch.node)),
  );
  return [...node.branches.flatMap((branch) => orderedPairs(branch.node)), ...across];
}

function product(first: PlanNode, second: PlanNode): readonly (readonly [string, string])[] {
  return allSteps(first).flatMap((a) => allSteps(second).map((b) => [a.id, b.id] as const));
}

/** Faults for some steps, by default of `apply` only. */
export function faultsOf(plan: Plan, whens: readonly Fault['when'][] = ['before', 'after']) {
  const ids = [...allSteps(plan.steps), ...allSteps(plan.after)].map(({ id }) => id);
  if (ids.length === 0) return fc.constant<ReadonlyMap<string, Fault>>(new Map());
  const fault = fc.record({
    when: fc.constantFrom(...whens),
    kind: fc.constantFrom('failed' as const, 'unhealthy' as const, 'unreachable' as const),
  });
  return fc
    .array(fc.tuple(fc.constantFrom(...ids), fault), { maxLength: 3, size: 'max' })
    .map((entries): ReadonlyMap<string, Fault> => new Map(entries));
}

/** Initial values of resources. */
export const startFacts = fc
  .array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 })
  .map((values) =>
    Object.fromEntries(values.flatMap((value, at) => (value === 0 ? [] : [[`n${at}`, value]]))),
  );

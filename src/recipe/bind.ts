import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { formatProblem, invalid } from '../domain/problem.js';
import { displayed, valueAt } from '../domain/schema-problems.js';
import type { Instance, Service } from '../domain/service.js';
import type { RunInfo, Scope } from '../domain/task.js';
import type { Branch, Plan, PlanNode, Step } from '../run/plan.js';
import { batches, parseBatch } from './batch.js';
import { type Fill, fill, fillText, referencesIn } from './fill.js';
import { inputProblems } from './input.js';
import { orderByNeeds } from './order.js';
import { defaultsOf, type ParamValues, paramValues } from './params.js';
import { boundOf, Receipts } from './receipts.js';
import type {
  IncludeStep,
  LoadedRecipe,
  ParallelStep,
  Recipe,
  RecipeStep,
  RollingStep,
  TaskStep,
} from './recipe.js';
import type { TaskForm, Tasks } from './tasks.js';
import { type Placeholder, parseTemplate } from './template.js';
import { UsesReader } from './uses.js';

/** What a recipe is bound to. */
export interface Binding {
  readonly registry: Tasks;
  readonly services: readonly Service[];
  /** By name; text is read as the type of the parameter. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly run: RunInfo;
}

/**
 * The plan of a recipe for these services. Step IDs are `task`, `task/service`, `task/service/instance` or `task/host`, with `#2` for
 * the second one of a name. Throws failures of kind `usage` when parameters do not fit, services need each other in
 * a circle, or a service chooses a recipe that does not exist.
 */
export function bindRecipe(loaded: LoadedRecipe, binding: Binding): Plan {
  const { recipe, hash } = loaded;
  const params = paramValues(recipe.params, binding.params);
  const { steps, after } = new Binder(loaded, binding).bind(params);
  return {
    run: binding.run,
    recipeHash: hash,
    holds: recipe.holds,
    onFailure: recipe.onFailure,
    params: Object.fromEntries([...params].filter(([, value]) => value !== undefined)),
    services: binding.services,
    steps,
    after,
  };
}

/** Where binding stands: whose steps these are, and what they are about. */
interface BindingScope {
  readonly recipe: Recipe;
  readonly params: ParamValues;
  readonly service?: Service;
  readonly instance?: Instance;
}

/** One step's worth of a scene. */
interface Unit {
  readonly service?: Service;
  readonly instance?: Instance;
  readonly host?: string;
}

class Binder {
  readonly #loaded: LoadedRecipe;
  readonly #binding: Binding;
  readonly #receipts = new Receipts();
  readonly #taken = new Map<string, number>();
  readonly #later: { readonly recipe: Recipe; readonly scene: BindingScope }[] = [];

  constructor(loaded: LoadedRecipe, binding: Binding) {
    this.#loaded = loaded;
    this.#binding = binding;
  }

  bind(params: ParamValues): Pick<Plan, 'steps' | 'after'> {
    const { recipe } = this.#loaded;
    const scene: BindingScope = { recipe, params };
    const steps = this.#sequence(recipe.steps, scene);
    const last = [...this.#later, { recipe, scene }];
    return { steps, after: sequence(last.map((item) => this.#sequence(item.recipe.after, item.scene))) };
  }

  #sequence(steps: readonly RecipeStep[], scene: BindingScope): PlanNode {
    return sequence(steps.map((step) => this.#node(step, scene)));
  }

  #node(step: RecipeStep, scene: BindingScope): PlanNode {
    switch (step.kind) {
      case 'task':
        return this.#task(step, scene);
      case 'include':
        return this.#include(step, scene);
      case 'each':
        return this.#each(step.steps, scene);
      case 'parallel':
        return this.#parallel(step, scene);
      case 'rolling':
        return this.#rolling(step, scene);
    }
  }

  #task(step: TaskStep, scene: BindingScope): PlanNode {
    const task = this.#binding.registry.get(step.task);
    if (task === undefined) throw new Error(`${step.task} was checked, and is no task`);
    const steps = units(scene, task.scope, this.#binding.services).map((unit) =>
      this.#step(step, task, unit, scene),
    );
    if (task.provides !== undefined) for (const bound of steps) this.#receipts.add(task.provides, bound);
    return graph(steps.map((bound) => ({ id: bound.id, after: [], node: { kind: 'step', step: bound } })));
  }

  #step(step: TaskStep, task: TaskForm, unit: Unit, scene: BindingScope): Step {
    const bound = boundBy(unit);
    const look: Fill = (placeholder) => this.#value(placeholder, scene, unit);
    const input = fill(step.input, look) as Record<string, unknown>;
    for (const [key, value] of Object.entries(task.defaults ?? {})) {
      if (key in step.input) continue;
      const filled = fill(value, look, 'optional');
      if (filled !== undefined) input[key] = filled;
    }
    const problems = inputProblems(scene.recipe.source, step, task, input, referencesIn(input));
    if (problems.length > 0) throw invalid(problems, 'recipe.input');
    const place = [task.name, bound.service, bound.instance ?? bound.host];
    const id = this.#id(place.filter((part) => part !== undefined).join('/'));
    return { id, task: task.name, version: task.version, ...bound, input };
  }

  #id(name: string): string {
    const count = (this.#taken.get(name) ?? 0) + 1;
    this.#taken.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  /** What a placeholder stands for; undefined when that is not set. */
  #value({ name, fields }: Placeholder, { params }: BindingScope, unit: Unit): unknown {
    if (name === 'run') return valueAt(this.#binding.run, fields);
    if (name === 'service') return valueAt(unit.service, fields);
    if (name === 'instance') return valueAt(unit.instance, fields);
    const consumer = boundBy(unit);
    return this.#receipts.find(name, fields, consumer) ?? params.get(name);
  }

  #include(step: IncludeStep, scene: BindingScope): PlanNode {
    const recipe = this.#included(step, scene);
    const inner = { ...scene, recipe, params: new Map([...defaultsOf(recipe.params), ...scene.params]) };
    if (recipe.after.length > 0) this.#later.push({ recipe, scene: inner });
    return this.#sequence(recipe.steps, inner);
  }

  #included(step: IncludeStep, scene: BindingScope): Recipe {
    const name = fillText(parseTemplate(step.name), (placeholder) =>
      this.#value(placeholder, scene, unitOf(scene)),
    );
    const recipe = this.#loaded.included.get(name);
    if (recipe !== undefined) return recipe;
    const whose = scene.service === undefined ? '' : `${scene.service.name}: `;
    const [start] = parseTemplate(step.name).parts;
    const there = [...this.#loaded.included.keys()].filter(
      (other) => typeof start === 'string' && other.startsWith(start),
    );
    throw new Failure('usage', 'recipe.missing', `${whose}there is no recipe "${name}" yet`, {
      hint: `There is ${there.join(', ')}. A recipe of your own goes to .oneclick/recipes/${name}.yml.`,
      evidence: [`${step.name} is wanted by ${scene.recipe.source.file}`],
    });
  }

  #each(steps: readonly RecipeStep[], scene: BindingScope): PlanNode {
    const { services } = this.#binding;
    const names = new Set(services.map(({ name }) => name));
    const needs = new Map(services.map(({ name, needs }) => [name, needs.filter((need) => names.has(need))]));
    const found = orderByNeeds(needs);
    if ('circle' in found)
      throw new Failure('usage', 'service.circle', `services need each other: ${found.circle.join(' -> ')}`, {
        hint: 'Take one of these out of "needs:".',
      });
    return graph(
      services.map((service) => ({
        id: service.name,
        after: needs.get(service.name) ?? [],
        node: this.#sequence(steps, { ...scene, service }),
      })),
    );
  }

  /** Steps that others refer to are bound before those, and run before them; nothing else is ordered. */
  #parallel({ steps }: ParallelStep, scene: BindingScope): PlanNode {
    const scenes =
      scene.service === undefined
        ? this.#binding.services.map((service) => ({ ...scene, service }))
        : [scene];
    const uses = new UsesReader(this.#binding.registry, (include) => [
      ...new Set([scene, ...scenes].flatMap((each) => this.#possible(include, each))),
    ]);
    const needs = uses.needs(steps);
    const found = orderByNeeds(needs);
    if ('circle' in found) throw new Error('a circle was not found when the recipe was checked');
    const branches = new Map<string, Branch>();
    for (const index of found.order) {
      const step = steps[Number(index)];
      if (step !== undefined)
        branches.set(index, { id: index, after: needs.get(index) ?? [], node: this.#node(step, scene) });
    }
    return graph(steps.flatMap((_, index) => branches.get(String(index)) ?? []));
  }

  #possible(include: IncludeStep, scene: BindingScope): readonly Recipe[] {
    const name = fill(
      include.name,
      (placeholder) => this.#value(placeholder, scene, unitOf(scene)),
      'optional',
    );
    const recipe = typeof name === 'string' ? this.#loaded.included.get(name) : undefined;
    return recipe === undefined ? [] : [recipe];
  }

  #rolling(step: RollingStep, scene: BindingScope): PlanNode {
    const { service } = scene;
    if (service === undefined) throw new Error('"rolling:" was checked to be inside "each: service"');
    const value = fill(step.batch, (placeholder) => this.#value(placeholder, scene, unitOf(scene)));
    const batch = typeof value === 'string' || typeof value === 'number' ? parseBatch(value) : undefined;
    if (batch === undefined)
      throw new Failure('usage', 'param.invalid', `batch: ${displayed(value)} is not 1, 25% or all`, {
        evidence: formatProblem(
          scene.recipe.source.problem([...step.path, 'batch'], 'this is the batch'),
        ).split('\n'),
      });
    const node = (instance: Instance): Branch => ({
      id: `${service.name}/${instance.id}`,
      after: [],
      node: this.#sequence(step.steps, { ...scene, instance }),
    });
    return sequence(batches(service.instances, batch).map((group) => graph(group.map(node))));
  }
}

const boundBy = ({ service, instance, host }: Unit) =>
  boundOf({ service: service?.name, instance: instance?.id, host });

const unitOf = ({ service, instance }: BindingScope): Unit => ({
  ...given({ service, instance, host: instance?.host }),
});

/** What the steps of a task with this scope are about, at this place. */
function units(scene: BindingScope, scope: Scope, all: readonly Service[]): readonly Unit[] {
  if (scene.instance !== undefined || (scope === 'run' && scene.service === undefined))
    return [unitOf(scene)];
  const services = scene.service === undefined ? all : [scene.service];
  switch (scope) {
    case 'run':
    case 'service':
      return services.map((service) => ({ service }));
    case 'instance':
      return services.flatMap((service) =>
        service.instances.map((instance) => ({ service, instance, host: instance.host })),
      );
    case 'host': {
      const hosts = services.flatMap(({ instances }) => instances.map(({ host }) => host));
      return [...new Set(hosts)].map((host) => ({ ...unitOf(scene), host }));
    }
  }
}

/** One after the other, without needless nesting. */
function sequence(nodes: readonly PlanNode[]): PlanNode {
  const flat = nodes.flatMap((node) => (node.kind === 'sequence' ? node.nodes : [node]));
  const [first, ...others] = flat;
  return first !== undefined && others.length === 0 ? first : { kind: 'sequence', nodes: flat };
}

/** Side by side; one alone needs no graph. */
function graph(branches: readonly Branch[]): PlanNode {
  const [first, ...others] = branches;
  if (first === undefined) return { kind: 'sequence', nodes: [] };
  return others.length === 0 ? first.node : { kind: 'graph', branches };
}

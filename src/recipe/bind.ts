import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { formatProblem, invalid } from '../domain/problem.js';
import { displayed, valueAt } from '../domain/schema-problems.js';
import type { Instance, Service } from '../domain/service.js';
import type { RunInfo, Scope } from '../domain/task.js';
import { unknownName } from '../domain/unknown-name.js';
import type { Branch, Plan, PlanNode, Step } from '../run/plan.js';
import { batches, parseBatch } from './batch.js';
import { DependencyAnalyzer } from './dependencies.js';
import { fill, fillText, type ResolvePlaceholder, referencesIn } from './fill.js';
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

/** The tasks, services and parameters that a recipe is bound to. */
export interface Binding {
  readonly registry: Tasks;
  readonly services: readonly Service[];
  /** By name; text is parsed as the parameter's type. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly run: RunInfo;
}

/**
 * Binds a recipe to services and returns the plan. Step IDs are `task`, `task/service`, `task/service/instance` or
 * `task/host`; a repeated ID gets `#2`. Throws a usage failure for invalid parameters or inputs, a dependency cycle, or
 * an included recipe that does not exist.
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

/** The recipe, and the service and instance that its steps are bound to. */
interface BindContext {
  readonly recipe: Recipe;
  readonly params: ParamValues;
  readonly service?: Service;
  readonly instance?: Instance;
}

/** The service, instance and host of one step. */
interface Unit {
  readonly service?: Service;
  readonly instance?: Instance;
  readonly host?: string;
}

class Binder {
  readonly #loaded: LoadedRecipe;
  readonly #binding: Binding;
  readonly #receipts = new Receipts();
  readonly #usedIds = new Map<string, number>();
  readonly #afterSteps: { readonly recipe: Recipe; readonly context: BindContext }[] = [];

  constructor(loaded: LoadedRecipe, binding: Binding) {
    this.#loaded = loaded;
    this.#binding = binding;
  }

  bind(params: ParamValues): Pick<Plan, 'steps' | 'after'> {
    const { recipe } = this.#loaded;
    const context: BindContext = { recipe, params };
    const steps = this.#sequence(recipe.steps, context);
    const last = [...this.#afterSteps, { recipe, context }];
    return { steps, after: sequence(last.map((item) => this.#sequence(item.recipe.after, item.context))) };
  }

  #sequence(steps: readonly RecipeStep[], context: BindContext): PlanNode {
    return sequence(steps.map((step) => this.#node(step, context)));
  }

  #node(step: RecipeStep, context: BindContext): PlanNode {
    switch (step.kind) {
      case 'task':
        return this.#task(step, context);
      case 'include':
        return this.#include(step, context);
      case 'each':
        return this.#each(step.steps, context);
      case 'parallel':
        return this.#parallel(step, context);
      case 'rolling':
        return this.#rolling(step, context);
    }
  }

  #task(step: TaskStep, context: BindContext): PlanNode {
    const task = this.#binding.registry.get(step.task);
    if (task === undefined) throw new Error(`unknown task ${step.task} in a checked recipe`);
    const steps = units(context, task.scope, this.#binding.services)
      .filter(({ service }) => service === undefined || (task.appliesTo?.(service) ?? true))
      .map((unit) => this.#step(step, task, unit, context));
    if (task.provides !== undefined) for (const bound of steps) this.#receipts.add(task.provides, bound);
    return parallelGraph(
      steps.map((bound) => ({ id: bound.id, after: [], node: { kind: 'step', step: bound } })),
    );
  }

  #step(step: TaskStep, task: TaskForm, unit: Unit, context: BindContext): Step {
    const bound = boundBy(unit);
    const resolve: ResolvePlaceholder = (placeholder) => this.#value(placeholder, context, unit);
    const input = fill(step.input, resolve) as Record<string, unknown>;
    for (const [key, value] of Object.entries(task.defaults ?? {})) {
      if (key in step.input) continue;
      const filled = fill(value, resolve, 'optional');
      if (filled !== undefined) input[key] = filled;
    }
    const problems = inputProblems(context.recipe.source, step, task, input, referencesIn(input));
    if (problems.length > 0) throw invalid(problems, 'recipe.input');
    const place = [task.name, bound.service, bound.instance ?? bound.host];
    const id = this.#id(place.filter((part) => part !== undefined).join('/'));
    return { id, task: task.name, version: task.version, ...bound, input };
  }

  #id(name: string): string {
    const count = (this.#usedIds.get(name) ?? 0) + 1;
    this.#usedIds.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  /** Returns the value of a placeholder, undefined if it is not set. */
  #value({ name, fields }: Placeholder, { params }: BindContext, unit: Unit): unknown {
    if (name === 'run') return valueAt(this.#binding.run, fields);
    if (name === 'service') return valueAt(unit.service, fields);
    if (name === 'instance') return valueAt(unit.instance, fields);
    const consumer = boundBy(unit);
    return this.#receipts.find(name, fields, consumer) ?? params.get(name);
  }

  #include(step: IncludeStep, context: BindContext): PlanNode {
    const recipe = this.#included(step, context);
    const inner = { ...context, recipe, params: new Map([...defaultsOf(recipe.params), ...context.params]) };
    if (recipe.after.length > 0) this.#afterSteps.push({ recipe, context: inner });
    return this.#sequence(recipe.steps, inner);
  }

  #included(step: IncludeStep, context: BindContext): Recipe {
    const name = fillText(parseTemplate(step.name), (placeholder) =>
      this.#value(placeholder, context, unitOf(context)),
    );
    const recipe = this.#loaded.included.get(name);
    if (recipe !== undefined) return recipe;
    const prefix = context.service === undefined ? '' : `${context.service.name}: `;
    const [start] = parseTemplate(step.name).parts;
    const existing = [...this.#loaded.included.keys()].filter(
      (other) => typeof start === 'string' && other.startsWith(start),
    );
    throw new Failure('usage', 'recipe.missing', `${prefix}${unknownName('recipe', name, existing)}`, {
      hint: `create .oneclick/recipes/${name}.yml`,
      evidence: [`${context.recipe.source.file} includes ${step.name}`],
    });
  }

  #each(steps: readonly RecipeStep[], context: BindContext): PlanNode {
    const { services } = this.#binding;
    const names = new Set(services.map(({ name }) => name));
    const needs = new Map(services.map(({ name, needs }) => [name, needs.filter((need) => names.has(need))]));
    const found = orderByNeeds(needs);
    if ('cycle' in found)
      throw new Failure(
        'usage',
        'service.circle',
        `services depend on each other: ${found.cycle.join(' -> ')}`,
        {
          hint: 'remove one of these from "needs:"',
        },
      );
    return parallelGraph(
      services.map((service) => ({
        id: service.name,
        after: needs.get(service.name) ?? [],
        node: this.#sequence(steps, { ...context, service }),
      })),
    );
  }

  /** Binds each step after the steps whose receipts it uses; there is no other order. */
  #parallel({ steps }: ParallelStep, context: BindContext): PlanNode {
    const scenes =
      context.service === undefined
        ? this.#binding.services.map((service) => ({ ...context, service }))
        : [context];
    const uses = new DependencyAnalyzer(this.#binding.registry, (include) => [
      ...new Set([context, ...scenes].flatMap((each) => this.#possibleRecipes(include, each))),
    ]);
    const needs = uses.needs(steps);
    const found = orderByNeeds(needs);
    if ('cycle' in found) throw new Error('cycle in a checked recipe');
    const branches = new Map<string, Branch>();
    for (const index of found.order) {
      const step = steps[Number(index)];
      if (step !== undefined)
        branches.set(index, { id: index, after: needs.get(index) ?? [], node: this.#node(step, context) });
    }
    return parallelGraph(steps.flatMap((_, index) => branches.get(String(index)) ?? []));
  }

  #possibleRecipes(include: IncludeStep, context: BindContext): readonly Recipe[] {
    const name = fill(
      include.name,
      (placeholder) => this.#value(placeholder, context, unitOf(context)),
      'optional',
    );
    const recipe = typeof name === 'string' ? this.#loaded.included.get(name) : undefined;
    return recipe === undefined ? [] : [recipe];
  }

  #rolling(step: RollingStep, context: BindContext): PlanNode {
    const { service } = context;
    if (service === undefined) throw new Error('"rolling:" outside "each: service" in a checked recipe');
    const value = fill(step.batch, (placeholder) => this.#value(placeholder, context, unitOf(context)));
    const batch = typeof value === 'string' || typeof value === 'number' ? parseBatch(value) : undefined;
    if (batch === undefined)
      throw new Failure(
        'usage',
        'param.invalid',
        `batch must be a count, a percentage or all, not ${displayed(value)}`,
        {
          evidence: formatProblem(
            context.recipe.source.problem([...step.path, 'batch'], 'batch is set here'),
          ).split('\n'),
        },
      );
    const node = (instance: Instance): Branch => ({
      id: `${service.name}/${instance.id}`,
      after: [],
      node: this.#sequence(step.steps, { ...context, instance }),
    });
    return sequence(batches(service.instances, batch).map((group) => parallelGraph(group.map(node))));
  }
}

const boundBy = ({ service, instance, host }: Unit) =>
  boundOf({ service: service?.name, instance: instance?.id, host });

const unitOf = ({ service, instance }: BindContext): Unit => ({
  ...given({ service, instance, host: instance?.host }),
});

/** Returns what a task with this scope runs for: one step each. */
function units(context: BindContext, scope: Scope, all: readonly Service[]): readonly Unit[] {
  if (context.instance !== undefined || (scope === 'run' && context.service === undefined))
    return [unitOf(context)];
  const services = context.service === undefined ? all : [context.service];
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
      return [...new Set(hosts)].map((host) => ({ ...unitOf(context), host }));
    }
  }
}

/** Runs nodes in order; flattens nested sequences. */
function sequence(nodes: readonly PlanNode[]): PlanNode {
  const flat = nodes.flatMap((node) => (node.kind === 'sequence' ? node.nodes : [node]));
  const [first, ...others] = flat;
  return first !== undefined && others.length === 0 ? first : { kind: 'sequence', nodes: flat };
}

/** Runs branches in parallel; a single branch needs no graph. */
function parallelGraph(branches: readonly Branch[]): PlanNode {
  const [first, ...others] = branches;
  if (first === undefined) return { kind: 'sequence', nodes: [] };
  return others.length === 0 ? first.node : { kind: 'graph', branches };
}

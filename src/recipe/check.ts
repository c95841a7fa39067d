import { nearest } from '../domain/nearest.js';
import type { Problem } from '../domain/problem.js';
import { parseBatch } from './batch.js';
import { type CheckContext, namesFor, type ReceiptScope, Report } from './check-context.js';
import { TaskChecker } from './check-task.js';
import { DependencyAnalyzer } from './dependencies.js';
import { NameResolver, reservedNames } from './names.js';
import { orderByNeeds } from './order.js';
import { dimensions, top } from './plan-position.js';
import type { EachStep, IncludeStep, ParallelStep, Recipe, RecipeStep, RollingStep } from './recipe.js';
import type { Tasks } from './tasks.js';
import { parseTemplate, placeholders, solePlaceholder, type Template } from './template.js';

/** The available recipes; `broken` is one whose problems are already reported. */
export interface RecipeCatalog {
  readonly names: readonly string[];
  find(name: string): Recipe | 'broken' | undefined;
}

/** Far above real use; stops exponential includes. */
const maxIncludes = 500;

/** Checks the tasks, names and types of a recipe and everything it may include. */
export class Checker {
  /** The included recipes, by name. */
  readonly included = new Map<string, Recipe>();
  readonly #report = new Report();
  readonly #tasks: Tasks;
  readonly #catalog: RecipeCatalog;
  readonly #names: NameResolver;
  readonly #taskChecker: TaskChecker;
  /** Included recipes with an `after:`, in order. */
  readonly #afterSteps: { readonly recipe: Recipe; readonly context: CheckContext }[] = [];
  #includes = 0;

  constructor(tasks: Tasks, catalog: RecipeCatalog) {
    this.#tasks = tasks;
    this.#catalog = catalog;
    this.#names = new NameResolver(tasks);
    this.#taskChecker = new TaskChecker(tasks, this.#names, this.#report);
  }

  check(recipe: Recipe): readonly Problem[] {
    const context: CheckContext = {
      source: recipe.source,
      params: recipe.params,
      position: top,
      receipts: new Map(),
      chain: [recipe.name],
      holds: recipe.holds,
      noCommit: undefined,
    };
    this.#params(recipe, context);
    let receipts = this.#sequence(recipe.steps, context);
    for (const { recipe: inner, context: at } of [...this.#afterSteps, { recipe, context }])
      receipts = this.#sequence(inner.after, { ...at, receipts, noCommit: '"after:"' });
    return this.#report.problems;
  }

  #params(recipe: Recipe, context: CheckContext): void {
    const provided = [...this.#tasks.values()].flatMap((task) => task.provides ?? []);
    const taken = new Set<string>([...reservedNames, ...provided]);
    for (const name of recipe.params.keys())
      if (taken.has(name))
        this.#report.at(context, ['params', name], `"${name}" is reserved for configuration or a receipt`, {
          end: 'key',
        });
  }

  #sequence(steps: readonly RecipeStep[], context: CheckContext): ReceiptScope {
    return steps.reduce<ReceiptScope>(
      (receipts, step) => this.#step(step, { ...context, receipts }),
      context.receipts,
    );
  }

  #step(step: RecipeStep, context: CheckContext): ReceiptScope {
    switch (step.kind) {
      case 'task':
        return this.#taskChecker.check(step, context);
      case 'include':
        return this.#include(step, context);
      case 'parallel':
        return this.#parallel(step, context);
      case 'each':
        return this.#each(step, context);
      case 'rolling':
        return this.#rolling(step, context);
    }
  }

  #each(step: EachStep, context: CheckContext): ReceiptScope {
    if (context.position.each)
      this.#report.at(context, step.path, '"each: service" cannot be nested', { end: 'key' });
    return this.#sequence(step.steps, {
      ...context,
      position: { ...context.position, each: true },
      noCommit: '"each: service": all services are activated together',
    });
  }

  #rolling(step: RollingStep, context: CheckContext): ReceiptScope {
    const refuse = (message: string) => this.#report.at(context, step.path, message, { end: 'key' });
    if (!context.position.each) refuse('"rolling:" must be inside "each: service"');
    if (context.position.rolling) refuse('"rolling:" cannot be nested');
    if (typeof step.batch === 'string' && step.batch.includes('{{'))
      this.#batch(parseTemplate(step.batch), step, context);
    return this.#sequence(step.steps, { ...context, position: { each: true, rolling: true } });
  }

  #batch(template: Template, step: RollingStep, context: CheckContext): void {
    const refuse = (offset: number, message: string, suggestion?: string) =>
      this.#report.within(context, [...step.path, 'batch'], offset, message, suggestion);
    for (const { offset, message } of template.faults) refuse(offset, message);
    for (const placeholder of placeholders(template)) {
      const { name, offset } = placeholder;
      const found = this.#names.resolve(placeholder, namesFor(context, ['service']));
      const value = context.params.get(name)?.default;
      if ('fault' in found) refuse(offset, found.fault, found.suggestion);
      else if (found.receipt) refuse(offset, 'a batch must be known before the run: it cannot be a receipt');
      else if (value !== undefined && solePlaceholder(template) && parseBatch(String(value)) === undefined)
        refuse(offset, `the default of "${name}" must be a batch, such as 1, 25% or all`);
    }
  }

  #parallel(step: ParallelStep, context: CheckContext): ReceiptScope {
    const uses = new DependencyAnalyzer(this.#tasks, (include) =>
      this.#candidates(include, context).flatMap((name) => {
        const recipe = this.#catalog.find(name);
        return recipe === undefined || recipe === 'broken' || context.chain.includes(name) ? [] : [recipe];
      }),
    );
    const found = orderByNeeds(uses.needs(step.steps));
    if ('order' in found) {
      const steps = found.order.flatMap((index) => step.steps[Number(index)] ?? []);
      return this.#sequence(steps, { ...context, noCommit: '"parallel:"' });
    }
    const titles = found.cycle.map((index) => stepTitle(step.steps[Number(index)]));
    this.#report.at(context, step.path, `these steps wait for each other: ${titles.join(' -> ')}`, {
      end: 'key',
    });
    return context.receipts;
  }

  #candidates(step: IncludeStep, context: CheckContext): readonly string[] {
    const found = this.#names.enumerate(parseTemplate(step.name), namesFor(context, ['service']));
    return 'names' in found ? found.names : [];
  }

  #include(step: IncludeStep, context: CheckContext): ReceiptScope {
    const template = parseTemplate(step.name);
    for (const { offset, message } of template.faults)
      this.#report.within(context, step.path, offset, message);
    if (template.faults.length > 0) return context.receipts;
    const found = this.#names.enumerate(template, namesFor(context, dimensions(context.position, 'run')));
    if ('fault' in found) {
      this.#report.within(context, step.path, found.at.offset, found.fault);
      return context.receipts;
    }
    const existing = found.names.filter((name) => this.#catalog.find(name) !== undefined);
    if (existing.length === 0) {
      const [name = ''] = found.names;
      const several = found.names.length > 1;
      this.#report.at(
        context,
        step.path,
        several ? `none of these recipes exist: ${found.names.join(', ')}` : `unknown recipe "${name}"`,
        { suggestion: nearest(name, this.#catalog.names) },
      );
    }
    return commonReceipts(
      existing.map((name) => this.#checkIncluded(name, step, context)),
      context.receipts,
    );
  }

  #checkIncluded(name: string, step: IncludeStep, context: CheckContext): ReceiptScope {
    const recipe = this.#catalog.find(name);
    if (recipe === undefined || recipe === 'broken' || this.#isEndless(name, step, context))
      return context.receipts;
    const params = new Map([...recipe.params, ...context.params]);
    const inner: CheckContext = {
      ...context,
      source: recipe.source,
      params,
      chain: [...context.chain, name],
    };
    if (!this.included.has(name)) this.#params(recipe, inner);
    this.included.set(name, recipe);
    if (recipe.holds !== undefined && context.holds === undefined)
      this.#report.at(
        context,
        step.path,
        `"${name}" holds ${recipe.holds}: add "holds: ${recipe.holds}" to the recipe that runs`,
      );
    if (recipe.after.length > 0) {
      if (context.position === top && context.noCommit === undefined)
        this.#afterSteps.push({ recipe, context: inner });
      else
        this.#report.at(
          context,
          step.path,
          `"${name}" has "after:": include it at the top level of "steps:"`,
        );
    }
    return this.#sequence(recipe.steps, inner);
  }

  #isEndless(name: string, step: IncludeStep, context: CheckContext): boolean {
    const cycle = context.chain.includes(name);
    this.#includes += 1;
    if (cycle) {
      const chain = [...context.chain.slice(context.chain.indexOf(name)), name].join(' -> ');
      this.#report.at(context, step.path, `a recipe includes itself: ${chain}`);
    } else if (this.#includes === maxIncludes + 1) this.#report.at(context, step.path, 'too many includes');
    return cycle || this.#includes > maxIncludes;
  }
}

function stepTitle(step: RecipeStep | undefined): string {
  if (step === undefined) return '';
  return step.kind === 'task'
    ? step.task
    : step.kind === 'include'
      ? `recipe: ${step.name}`
      : `${step.kind}:`;
}

/** Returns the receipts that every alternative provides. */
function commonReceipts(alternatives: readonly ReceiptScope[], otherwise: ReceiptScope): ReceiptScope {
  const [first, ...others] = alternatives;
  if (first === undefined) return otherwise;
  const names = [...first.keys()].filter((name) => others.every((other) => other.has(name)));
  return new Map(
    names.map((name) => [name, [...new Set(alternatives.flatMap((one) => one.get(name) ?? []))]]),
  );
}

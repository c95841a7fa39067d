import { nearest } from '../domain/nearest.js';
import type { Problem } from '../domain/problem.js';
import { parseBatch } from './batch.js';
import { TaskChecker } from './check-task.js';
import { configured, NameResolver } from './names.js';
import { orderByNeeds } from './order.js';
import { dimensions, top } from './plan-position.js';
import type { EachStep, IncludeStep, ParallelStep, Recipe, RecipeStep, RollingStep } from './recipe.js';
import { namesFor, type ReceiptScope, Report, type Scope } from './scope.js';
import type { Tasks } from './tasks.js';
import { only, parseTemplate, placeholders, type Template } from './template.js';
import { UsesReader } from './uses.js';

/** The recipes there are; `broken` is one whose own file was already complained about. */
export interface Shelf {
  readonly names: readonly string[];
  find(name: string): Recipe | 'broken' | undefined;
}

/** No honest set of recipes includes itself this often. */
const mostIncludes = 500;

/** Checks what the words of a recipe, and of all that it may include, mean. */
export class Checker {
  /** Everything that was included, by name. */
  readonly included = new Map<string, Recipe>();
  readonly #report = new Report();
  readonly #tasks: Tasks;
  readonly #shelf: Shelf;
  readonly #names: NameResolver;
  readonly #taskChecker: TaskChecker;
  /** The `after:` of recipes that are included, with where they were. */
  readonly #later: { readonly recipe: Recipe; readonly scene: Scope }[] = [];
  #includes = 0;

  constructor(tasks: Tasks, shelf: Shelf) {
    this.#tasks = tasks;
    this.#shelf = shelf;
    this.#names = new NameResolver(tasks);
    this.#taskChecker = new TaskChecker(tasks, this.#names, this.#report);
  }

  check(recipe: Recipe): readonly Problem[] {
    const scene: Scope = {
      source: recipe.source,
      params: recipe.params,
      place: top,
      receipts: new Map(),
      chain: [recipe.name],
      holds: recipe.holds,
      noCommit: undefined,
    };
    this.#params(recipe, scene);
    let receipts = this.#sequence(recipe.steps, scene);
    for (const { recipe: inner, scene: at } of [...this.#later, { recipe, scene }])
      receipts = this.#sequence(inner.after, { ...at, receipts, noCommit: '"after:"' });
    return this.#report.problems;
  }

  #params(recipe: Recipe, scene: Scope): void {
    const provided = [...this.#tasks.values()].flatMap((task) => task.provides ?? []);
    const taken = new Set<string>([...configured, ...provided]);
    for (const name of recipe.params.keys())
      if (taken.has(name))
        this.#report.at(scene, ['params', name], `"${name}" is already the name of something else`, {
          end: 'key',
        });
  }

  #sequence(steps: readonly RecipeStep[], scene: Scope): ReceiptScope {
    return steps.reduce<ReceiptScope>(
      (receipts, step) => this.#step(step, { ...scene, receipts }),
      scene.receipts,
    );
  }

  #step(step: RecipeStep, scene: Scope): ReceiptScope {
    switch (step.kind) {
      case 'task':
        return this.#taskChecker.check(step, scene);
      case 'include':
        return this.#include(step, scene);
      case 'parallel':
        return this.#parallel(step, scene);
      case 'each':
        return this.#each(step, scene);
      case 'rolling':
        return this.#rolling(step, scene);
    }
  }

  #each(step: EachStep, scene: Scope): ReceiptScope {
    if (scene.place.each)
      this.#report.at(scene, step.path, '"each: service" inside another one', { end: 'key' });
    return this.#sequence(step.steps, {
      ...scene,
      place: { ...scene.place, each: true },
      noCommit: '"each: service": all services are made current together',
    });
  }

  #rolling(step: RollingStep, scene: Scope): ReceiptScope {
    const refuse = (message: string) => this.#report.at(scene, step.path, message, { end: 'key' });
    if (!scene.place.each) refuse('"rolling:" goes into "each: service"');
    if (scene.place.rolling) refuse('"rolling:" inside another one');
    if (typeof step.batch === 'string' && step.batch.includes('{{'))
      this.#batch(parseTemplate(step.batch), step, scene);
    return this.#sequence(step.steps, { ...scene, place: { each: true, rolling: true } });
  }

  #batch(template: Template, step: RollingStep, scene: Scope): void {
    const refuse = (offset: number, message: string, suggestion?: string) =>
      this.#report.within(scene, [...step.path, 'batch'], offset, message, suggestion);
    for (const { offset, message } of template.faults) refuse(offset, message);
    for (const placeholder of placeholders(template)) {
      const { name, offset } = placeholder;
      const found = this.#names.resolve(placeholder, namesFor(scene, ['service']));
      const value = scene.params.get(name)?.default;
      if ('fault' in found) refuse(offset, found.fault, found.suggestion);
      else if (found.receipt) refuse(offset, 'a batch is known before the run: it cannot be a receipt');
      else if (value !== undefined && only(template) && parseBatch(String(value)) === undefined)
        refuse(offset, `the default of "${name}" is not a batch: 1, 25% or all`);
    }
  }

  #parallel(step: ParallelStep, scene: Scope): ReceiptScope {
    const uses = new UsesReader(this.#tasks, (include) =>
      this.#candidates(include, scene).flatMap((name) => {
        const recipe = this.#shelf.find(name);
        return recipe === undefined || recipe === 'broken' || scene.chain.includes(name) ? [] : [recipe];
      }),
    );
    const found = orderByNeeds(uses.needs(step.steps));
    if ('order' in found) {
      const steps = found.order.flatMap((index) => step.steps[Number(index)] ?? []);
      return this.#sequence(steps, { ...scene, noCommit: '"parallel:"' });
    }
    const titles = found.circle.map((index) => title(step.steps[Number(index)]));
    this.#report.at(scene, step.path, `these wait for each other: ${titles.join(' -> ')}`, { end: 'key' });
    return scene.receipts;
  }

  #candidates(step: IncludeStep, scene: Scope): readonly string[] {
    const found = this.#names.enumerate(parseTemplate(step.name), namesFor(scene, ['service']));
    return 'names' in found ? found.names : [];
  }

  #include(step: IncludeStep, scene: Scope): ReceiptScope {
    const template = parseTemplate(step.name);
    for (const { offset, message } of template.faults) this.#report.within(scene, step.path, offset, message);
    if (template.faults.length > 0) return scene.receipts;
    const found = this.#names.enumerate(template, namesFor(scene, dimensions(scene.place, 'run')));
    if ('fault' in found) {
      this.#report.within(scene, step.path, found.at.offset, found.fault);
      return scene.receipts;
    }
    const there = found.names.filter((name) => this.#shelf.find(name) !== undefined);
    if (there.length === 0) {
      const [name = ''] = found.names;
      const several = found.names.length > 1;
      this.#report.at(
        scene,
        step.path,
        several ? `none of these recipes exists: ${found.names.join(', ')}` : `there is no recipe "${name}"`,
        { suggestion: nearest(name, this.#shelf.names) },
      );
    }
    return common(
      there.map((name) => this.#enter(name, step, scene)),
      scene.receipts,
    );
  }

  #enter(name: string, step: IncludeStep, scene: Scope): ReceiptScope {
    const recipe = this.#shelf.find(name);
    if (recipe === undefined || recipe === 'broken' || this.#endless(name, step, scene))
      return scene.receipts;
    const params = new Map([...recipe.params, ...scene.params]);
    const inner: Scope = { ...scene, source: recipe.source, params, chain: [...scene.chain, name] };
    if (!this.included.has(name)) this.#params(recipe, inner);
    this.included.set(name, recipe);
    if (recipe.holds !== undefined && scene.holds === undefined)
      this.#report.at(
        scene,
        step.path,
        `"${name}" holds ${recipe.holds}: the recipe that runs must say "holds: ${recipe.holds}" too`,
      );
    if (recipe.after.length > 0) {
      if (scene.place === top && scene.noCommit === undefined) this.#later.push({ recipe, scene: inner });
      else
        this.#report.at(scene, step.path, `"${name}" has an "after:" and goes to the top of "steps:" only`);
    }
    return this.#sequence(recipe.steps, inner);
  }

  #endless(name: string, step: IncludeStep, scene: Scope): boolean {
    const circle = scene.chain.includes(name);
    this.#includes += 1;
    if (circle) {
      const way = [...scene.chain.slice(scene.chain.indexOf(name)), name].join(' -> ');
      this.#report.at(scene, step.path, `a recipe includes itself: ${way}`);
    } else if (this.#includes === mostIncludes + 1)
      this.#report.at(scene, step.path, 'recipes include each other too often');
    return circle || this.#includes > mostIncludes;
  }
}

function title(step: RecipeStep | undefined): string {
  if (step === undefined) return '';
  return step.kind === 'task'
    ? step.task
    : step.kind === 'include'
      ? `recipe: ${step.name}`
      : `${step.kind}:`;
}

/** What is provided whichever of the alternatives runs. */
function common(alternatives: readonly ReceiptScope[], otherwise: ReceiptScope): ReceiptScope {
  const [first, ...others] = alternatives;
  if (first === undefined) return otherwise;
  const names = [...first.keys()].filter((name) => others.every((other) => other.has(name)));
  return new Map(
    names.map((name) => [name, [...new Set(alternatives.flatMap((one) => one.get(name) ?? []))]]),
  );
}

import type { IncludeStep, Recipe, RecipeStep } from './recipe.js';
import type { Tasks } from './tasks.js';
import { placeholders, templatesIn } from './template.js';

/** The receipts that steps use but do not provide first, and those that they provide. */
interface Dependencies {
  readonly needs: ReadonlySet<string>;
  readonly provides: ReadonlySet<string>;
}

/** Returns the recipes that a `recipe:` may include. */
export type ResolveInclude = (step: IncludeStep) => readonly Recipe[];

/** Finds the dependencies between parallel steps; analyzes each recipe once. */
export class DependencyAnalyzer {
  readonly #tasks: Tasks;
  readonly #resolve: ResolveInclude;
  readonly #recipes = new Map<Recipe, Dependencies>();

  constructor(tasks: Tasks, resolve: ResolveInclude) {
    this.#tasks = tasks;
    this.#resolve = resolve;
  }

  /** Returns for the index of each step the indexes of the steps whose receipts it uses. */
  needs(steps: readonly RecipeStep[]): ReadonlyMap<string, readonly string[]> {
    const dependencies = steps.map((step) => this.#step(step));
    return new Map(
      dependencies.map(({ needs }, index) => [
        String(index),
        dependencies.flatMap((other, at) =>
          at !== index && [...other.provides].some((name) => needs.has(name)) ? [String(at)] : [],
        ),
      ]),
    );
  }

  #sequence(steps: readonly RecipeStep[]): Dependencies {
    const needs = new Set<string>();
    const provides = new Set<string>();
    for (const step of steps) {
      const dependencies = this.#step(step);
      for (const name of dependencies.needs) if (!provides.has(name)) needs.add(name);
      for (const name of dependencies.provides) provides.add(name);
    }
    return { needs, provides: provides };
  }

  #step(step: RecipeStep): Dependencies {
    switch (step.kind) {
      case 'task': {
        const task = this.#tasks.get(step.task);
        const input = { ...task?.defaults, ...step.input };
        const names = [...templatesIn(input)].flatMap(({ template }) => placeholders(template));
        return {
          needs: new Set(names.map(({ name }) => name)),
          provides: new Set(task?.provides === undefined ? [] : [task.provides]),
        };
      }
      case 'include':
        return join(this.#resolve(step).map((recipe) => this.#recipe(recipe)));
      case 'parallel': {
        const dependencies = step.steps.map((inner) => this.#step(inner));
        // A branch's own receipts do not satisfy its earlier steps.
        const needs = dependencies.flatMap((branch) =>
          [...branch.needs].filter(
            (name) => !dependencies.some((other) => other !== branch && other.provides.has(name)),
          ),
        );
        return { needs: new Set(needs), provides: join(dependencies).provides };
      }
      case 'each':
      case 'rolling':
        return this.#sequence(step.steps);
    }
  }

  #recipe(recipe: Recipe): Dependencies {
    const known = this.#recipes.get(recipe);
    if (known !== undefined) return known;
    this.#recipes.set(recipe, join([]));
    const dependencies = this.#sequence(recipe.steps);
    this.#recipes.set(recipe, dependencies);
    return dependencies;
  }
}

const join = (all: readonly Dependencies[]): Dependencies => ({
  needs: new Set(all.flatMap(({ needs }) => [...needs])),
  provides: new Set(all.flatMap(({ provides }) => [...provides])),
});

import type { IncludeStep, Recipe, RecipeStep } from './recipe.js';
import type { Tasks } from './tasks.js';
import { placeholders, templatesIn } from './template.js';

/** The names that steps refer to without providing them first, and those that they provide. */
interface Uses {
  readonly needs: ReadonlySet<string>;
  readonly gives: ReadonlySet<string>;
}

/** The recipes that a `recipe:` may stand for. */
export type Resolve = (step: IncludeStep) => readonly Recipe[];

/** Reads what refers to what; each recipe is looked at once. */
export class UsesReader {
  readonly #tasks: Tasks;
  readonly #resolve: Resolve;
  readonly #recipes = new Map<Recipe, Uses>();

  constructor(tasks: Tasks, resolve: Resolve) {
    this.#tasks = tasks;
    this.#resolve = resolve;
  }

  /** For each of these parallel steps, by its index, those whose receipts it refers to. */
  needs(steps: readonly RecipeStep[]): ReadonlyMap<string, readonly string[]> {
    const uses = steps.map((step) => this.#step(step));
    return new Map(
      uses.map(({ needs }, index) => [
        String(index),
        uses.flatMap((other, at) =>
          at !== index && [...other.gives].some((name) => needs.has(name)) ? [String(at)] : [],
        ),
      ]),
    );
  }

  #sequence(steps: readonly RecipeStep[]): Uses {
    const needs = new Set<string>();
    const gives = new Set<string>();
    for (const step of steps) {
      const uses = this.#step(step);
      for (const name of uses.needs) if (!gives.has(name)) needs.add(name);
      for (const name of uses.gives) gives.add(name);
    }
    return { needs, gives };
  }

  #step(step: RecipeStep): Uses {
    switch (step.kind) {
      case 'task': {
        const task = this.#tasks.get(step.task);
        const input = { ...task?.defaults, ...step.input };
        const names = [...templatesIn(input)].flatMap(({ template }) => placeholders(template));
        return {
          needs: new Set(names.map(({ name }) => name)),
          gives: new Set(task?.provides === undefined ? [] : [task.provides]),
        };
      }
      case 'include':
        return join(this.#resolve(step).map((recipe) => this.#recipe(recipe)));
      case 'parallel': {
        const uses = step.steps.map((inner) => this.#step(inner));
        // What a branch refers to before it provides it itself comes from elsewhere all the same.
        const needs = uses.flatMap((branch) =>
          [...branch.needs].filter(
            (name) => !uses.some((other) => other !== branch && other.gives.has(name)),
          ),
        );
        return { needs: new Set(needs), gives: join(uses).gives };
      }
      case 'each':
      case 'rolling':
        return this.#sequence(step.steps);
    }
  }

  #recipe(recipe: Recipe): Uses {
    const known = this.#recipes.get(recipe);
    if (known !== undefined) return known;
    this.#recipes.set(recipe, join([]));
    const uses = this.#sequence(recipe.steps);
    this.#recipes.set(recipe, uses);
    return uses;
  }
}

const join = (all: readonly Uses[]): Uses => ({
  needs: new Set(all.flatMap(({ needs }) => [...needs])),
  gives: new Set(all.flatMap(({ gives }) => [...gives])),
});

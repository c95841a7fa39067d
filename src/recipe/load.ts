import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import { InvalidText, invalid, type Problem } from '../domain/problem.js';
import { readSource } from '../domain/source.js';
import { unknownName } from '../domain/unknown-name.js';
import { Checker, type RecipeCatalog } from './check.js';
import { parseRecipe } from './parse.js';
import { type LoadedRecipe, type Recipe, recipeName } from './recipe.js';
import type { Tasks } from './tasks.js';

/** The text of a recipe, and its path for messages. */
export interface RecipeFile {
  readonly file: string;
  readonly text: string;
}

/** A folder of recipes. */
export interface RecipeSource {
  /** Returns the names of its recipes. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<RecipeFile | undefined>;
}

/** Returns all recipes by name; later sources override earlier ones. Skips invalid names. */
export async function readRecipes(
  sources: readonly RecipeSource[],
): Promise<ReadonlyMap<string, RecipeFile>> {
  const files = new Map<string, RecipeFile>();
  for (const source of sources) {
    const names = (await source.list()).filter((name) => recipeName.test(name));
    const texts = await Promise.all(names.map(async (name) => ({ name, file: await source.read(name) })));
    for (const { name, file } of texts) if (file !== undefined) files.set(name, file);
  }
  return files;
}

/** The result of an earlier check: the hash of all recipes, and the includes of each. */
export const VerifiedRecipes = z.object({
  shelf: z.string(),
  included: z.record(z.string(), z.array(z.string())),
});
export type VerifiedRecipes = z.infer<typeof VerifiedRecipes>;

/**
 * Reads and checks a recipe and everything it may include; skips the check if `verified` matches the texts. Throws a
 * usage failure: `recipe.unknown`, `recipe.partial`, or `recipe.invalid` with every problem.
 */
export async function loadRecipe(
  name: string,
  sources: readonly RecipeSource[],
  tasks: Tasks,
  verified?: VerifiedRecipes,
): Promise<LoadedRecipe> {
  const files = await readRecipes(sources);
  const problems: Problem[] = [];
  const parsed = new Map<string, Recipe | 'broken'>();
  const find = (wanted: string): Recipe | 'broken' | undefined => {
    const file = files.get(wanted);
    if (file === undefined) return undefined;
    const known = parsed.get(wanted) ?? parseFile(wanted, file, problems);
    parsed.set(wanted, known);
    return known;
  };

  const recipe = find(name);
  if (recipe === undefined) throw unknown(name, [...files.keys()]);
  if (recipe === 'broken') throw invalid(problems, 'recipe.invalid');
  if (recipe.partial) throw partial(recipe);
  const names = verified?.shelf === catalogHash(files) ? verified.included[name] : undefined;
  const included =
    names === undefined
      ? checkIncluded(recipe, { names: [...files.keys()], find }, tasks, problems)
      : new Map(names.flatMap((part) => catalogEntry(find(part))));
  return {
    recipe,
    included,
    hash: textsHash([recipe, ...included.values()].map(({ name, source }) => [name, source.text])),
  };
}

/** Checks a recipe and returns its includes. Throws the `known` problems and its own. */
function checkIncluded(
  recipe: Recipe,
  catalog: RecipeCatalog,
  tasks: Tasks,
  known: Problem[],
): ReadonlyMap<string, Recipe> {
  const checker = new Checker(tasks, catalog);
  const found = checker.check(recipe);
  const problems = [...known, ...found];
  if (problems.length > 0) throw invalid(problems, 'recipe.invalid');
  return checker.included;
}

const catalogEntry = (recipe: Recipe | 'broken' | undefined): readonly [string, Recipe][] =>
  recipe === undefined || recipe === 'broken' ? [] : [[recipe.name, recipe]];

/** Checks all runnable recipes of these sources. Throws as {@link loadRecipe}. */
export async function verifyRecipes(
  sources: readonly RecipeSource[],
  tasks: Tasks,
): Promise<VerifiedRecipes> {
  const files = await readRecipes(sources);
  const included: VerifiedRecipes['included'] = {};
  for (const name of files.keys()) {
    if ((await readRecipe(name, sources)).partial) continue;
    included[name] = [...(await loadRecipe(name, sources, tasks)).included.keys()];
  }
  return { shelf: catalogHash(files), included };
}

const catalogHash = (files: ReadonlyMap<string, RecipeFile>) =>
  textsHash([...files].map(([name, { text }]) => [name, text]));

/** Parses one recipe, which may be partial, without checking tasks and names. Throws as {@link loadRecipe}. */
export async function readRecipe(name: string, sources: readonly RecipeSource[]): Promise<Recipe> {
  const files = await readRecipes(sources);
  const file = files.get(name);
  if (file === undefined) throw unknown(name, [...files.keys()]);
  const problems: Problem[] = [];
  const recipe = parseFile(name, file, problems);
  if (recipe === 'broken' || problems.length > 0) throw invalid(problems, 'recipe.invalid');
  return recipe;
}

function parseFile(name: string, { file, text }: RecipeFile, problems: Problem[]): Recipe | 'broken' {
  try {
    const { recipe, problems: found } = parseRecipe(name, readSource(file, text, 'recipe.invalid'));
    problems.push(...found);
    return recipe;
  } catch (error) {
    if (!(error instanceof InvalidText)) throw error;
    problems.push(...error.problems);
    return 'broken';
  }
}

function unknown(name: string, names: readonly string[]): Failure {
  const near = nearest(name, names);
  return new Failure('usage', 'recipe.unknown', unknownName('recipe', name.slice(0, 80), [...names].sort()), {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

const partial = ({ name, source }: Recipe) =>
  new Failure('usage', 'recipe.partial', `recipe "${name}" can only be included by other recipes`, {
    hint: `add a summary and "steps:" to ${source.file} to make it runnable`,
  });

/** SHA-256 of names and texts, independent of their order. */
function textsHash(texts: readonly (readonly [name: string, text: string])[]): string {
  const hash = createHash('sha256');
  for (const named of [...texts].sort(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(JSON.stringify(named));
  return hash.digest('hex');
}

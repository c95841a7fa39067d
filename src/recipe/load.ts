import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import { InvalidText, invalid, type Problem } from '../domain/problem.js';
import { readSource } from '../domain/source.js';
import { Checker, type Shelf } from './check.js';
import { parseRecipe } from './parse.js';
import { type LoadedRecipe, type Recipe, recipeName } from './recipe.js';
import type { Tasks } from './tasks.js';

/** A recipe's text, and the path that messages call it by. */
export interface RecipeFile {
  readonly file: string;
  readonly text: string;
}

/** A place that recipes come from. */
export interface RecipeSource {
  /** The names of the recipes there. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<RecipeFile | undefined>;
}

/** All recipes by name; of the same name in several sources, the last. Names that cannot be recipes' are left out. */
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

/** Recipes that were found good before: those of a shelf with this hash, and the names of what each of them may include. */
export const VerifiedRecipes = z.object({
  shelf: z.string(),
  included: z.record(z.string(), z.array(z.string())),
});
export type VerifiedRecipes = z.infer<typeof VerifiedRecipes>;

/**
 * Reads a recipe and all that it may include, and checks them, unless they are vouched for to the letter. Throws a failure of
 * kind `usage`: `recipe.unknown`, `recipe.partial`, or `recipe.invalid` with every problem and its place.
 */
export async function loadRecipe(
  name: string,
  sources: readonly RecipeSource[],
  tasks: Tasks,
  vouched?: VerifiedRecipes,
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
  const names = vouched?.shelf === shelfHash(files) ? vouched.included[name] : undefined;
  const included =
    names === undefined
      ? checked(recipe, { names: [...files.keys()], find }, tasks, problems)
      : new Map(names.flatMap((part) => entryOf(find(part))));
  return {
    recipe,
    included,
    hash: textsHash([recipe, ...included.values()].map(({ name, source }) => [name, source.text])),
  };
}

/** What a recipe of this shelf may include; throws all problems of it, after those that are known. */
function checked(recipe: Recipe, shelf: Shelf, tasks: Tasks, known: Problem[]): ReadonlyMap<string, Recipe> {
  const checker = new Checker(tasks, shelf);
  const found = checker.check(recipe);
  const problems = [...known, ...found];
  if (problems.length > 0) throw invalid(problems, 'recipe.invalid');
  return checker.included;
}

const entryOf = (recipe: Recipe | 'broken' | undefined): readonly [string, Recipe][] =>
  recipe === undefined || recipe === 'broken' ? [] : [[recipe.name, recipe]];

/** Vouches for all recipes of these sources that run by themselves; throws as {@link loadRecipe} where one of them is not good. */
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
  return { shelf: shelfHash(files), included };
}

const shelfHash = (files: ReadonlyMap<string, RecipeFile>) =>
  textsHash([...files].map(([name, { text }]) => [name, text]));

/** One recipe as its file says it, a part of others too; its tasks and names are not looked at. Throws as {@link loadRecipe}. */
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
  return new Failure('usage', 'recipe.unknown', `there is no recipe "${name.slice(0, 80)}"`, {
    hint: near === undefined ? `There are: ${[...names].sort().join(', ')}.` : `Did you mean "${near}"?`,
  });
}

const partial = ({ name, source }: Recipe) =>
  new Failure('usage', 'recipe.partial', `"${name}" is a part of other recipes and cannot run by itself`, {
    hint: `A recipe that runs has a summary and "steps:"; see ${source.file}.`,
  });

/** SHA-256 of names and texts, in whichever order they come. */
function textsHash(texts: readonly (readonly [name: string, text: string])[]): string {
  const hash = createHash('sha256');
  for (const named of [...texts].sort(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(JSON.stringify(named));
  return hash.digest('hex');
}

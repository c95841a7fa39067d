import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '../domain/json.js';
import { VerifiedRecipes } from '../recipe/load.js';
import type { Context } from './context.js';

/** The file in which the build lists the shipped recipes it has verified. */
export const verifiedRecipesFile = join('dist', 'recipes.json');

/** Reads the shipped recipes that the build verified; undefined if there is no build. */
export async function readVerifiedRecipes({
  packageDir,
}: Pick<Context, 'packageDir'>): Promise<VerifiedRecipes | undefined> {
  const text = await readFile(join(packageDir, verifiedRecipesFile), 'utf8').catch(() => '');
  return VerifiedRecipes.safeParse(parseJson(text)).data;
}

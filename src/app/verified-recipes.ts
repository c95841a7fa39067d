import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '../domain/json.js';
import { VerifiedRecipes } from '../recipe/load.js';
import type { Context } from './context.js';

/** Where the build says of the recipes that it ships that they are good. */
export const verifiedRecipesFile = join('dist', 'recipes.json');

/** What the build found of the recipes that ship with it; undefined where there is nothing to read, as in sources that were not built. */
export async function readVerifiedRecipes({
  packageDir,
}: Pick<Context, 'packageDir'>): Promise<VerifiedRecipes | undefined> {
  const text = await readFile(join(packageDir, verifiedRecipesFile), 'utf8').catch(() => '');
  return VerifiedRecipes.safeParse(parseJson(text)).data;
}

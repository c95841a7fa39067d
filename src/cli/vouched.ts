import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '../domain/json.js';
import { Vouched } from '../recipe/load.js';
import type { Edge } from './edge.js';

/** Where the build says of the recipes that it ships that they are good. */
export const vouchedFile = join('dist', 'recipes.json');

/** What the build found of the recipes that ship with it; undefined where there is nothing to read, as in sources that were not built. */
export async function vouchedRecipes({ packageDir }: Pick<Edge, 'packageDir'>): Promise<Vouched | undefined> {
  const text = await readFile(join(packageDir, vouchedFile), 'utf8').catch(() => '');
  return Vouched.safeParse(parseJson(text)).data;
}

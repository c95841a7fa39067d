import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Vouched } from '../recipe/load.js';
import type { Edge } from './edge.js';

/** Where the build says of the recipes that it ships that they are good. */
export const vouchedFile = join('dist', 'recipes.json');

/** What the build found of the recipes that ship with it; undefined in sources that were not built. */
export async function vouchedRecipes({ packageDir }: Pick<Edge, 'packageDir'>): Promise<Vouched | undefined> {
  const text = await readFile(join(packageDir, vouchedFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecipeSource } from './load.js';

const ending = '.yml';

/** The recipes `<name>.yml` of a folder; none when there is no such folder. Messages call them by `join(shown, name)`. */
export function recipeFolder(folder: string, shown = folder): RecipeSource {
  return {
    list: async () => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(ifMissing([]));
      return entries
        .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && entry.name.endsWith(ending))
        .map((entry) => entry.name.slice(0, -ending.length));
    },
    read: async (name) => {
      const text = await readFile(join(folder, name + ending), 'utf8').catch(ifMissing(undefined));
      return text === undefined ? undefined : { file: join(shown, name + ending), text };
    },
  };
}

const ifMissing =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw error;
  };

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../domain/failure.js';
import type { RecipeSource } from './load.js';

const ending = '.yml';

/** Reads recipes `<name>.yml` in a folder, which may not exist. Messages use the path in `shown`. */
export function recipeFolder(folder: string, shown = folder): RecipeSource {
  return {
    list: async () => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(ifMissing(folder, []));
      return entries
        .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && entry.name.endsWith(ending))
        .map((entry) => entry.name.slice(0, -ending.length));
    },
    read: async (name) => {
      const path = join(folder, name + ending);
      const text = await readFile(path, 'utf8').catch(ifMissing(path, undefined));
      return text === undefined ? undefined : { file: join(shown, name + ending), text };
    },
  };
}

const ifMissing =
  <T>(path: string, value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw new Failure('usage', 'recipe.unreadable', `cannot read ${path}: ${error.code}`, {
      cause: error,
    });
  };

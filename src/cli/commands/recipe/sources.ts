import { join } from 'node:path';
import type { Context } from '../../../app/context.js';
import { shippedRecipes } from '../../../app/recipe-sources.js';
import { openProject } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import { recipeFolder } from '../../../recipe/folder.js';
import type { Globals } from '../../global-flags.js';

/** The shipped recipes, and the project's own if there is a project. */
export async function recipeSources(context: Context, flags: Globals) {
  const shipped = shippedRecipes(context);
  const folder = await projectFolder(context, flags);
  if (folder === undefined) return [shipped];
  return [shipped, recipeFolder(join(folder, '.oneclick', 'recipes'), '.oneclick/recipes')];
}

/** The folder of the project; undefined when there is none and `--file` names none. */
export async function projectFolder(context: Context, { file }: Globals): Promise<string | undefined> {
  try {
    return (await openProject(context, file === undefined ? {} : { file })).folder;
  } catch (error) {
    if (error instanceof Failure && error.code === 'config.missing' && file === undefined) return undefined;
    throw error;
  }
}

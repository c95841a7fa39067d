import { join } from 'node:path';
import { Failure } from '../domain/failure.js';
import { recipeFolder } from '../recipe/folder.js';
import type { RecipeSource } from '../recipe/load.js';
import type { Context } from './context.js';
import { openProject } from './session.js';

/** Returns the recipes that ship with oneclick. */
export function shippedRecipes({ packageDir }: Pick<Context, 'packageDir'>): RecipeSource {
  return recipeFolder(join(packageDir, 'recipes'), 'recipes');
}

/** Returns the recipes in the folder of a project. */
export function projectRecipes(folder: string): RecipeSource {
  return recipeFolder(join(folder, '.oneclick', 'recipes'), '.oneclick/recipes');
}

/** Returns the shipped recipes and those of the project, if any, which take precedence. */
export function recipeSources(context: Context, folder: string | undefined): readonly RecipeSource[] {
  return [shippedRecipes(context), ...(folder === undefined ? [] : [projectRecipes(folder)])];
}

/** Returns the folder of the project; undefined if there is none and `file` is not set. */
export async function projectFolder(
  context: Context,
  { file }: { readonly file?: string },
): Promise<string | undefined> {
  try {
    return (await openProject(context, file === undefined ? {} : { file })).folder;
  } catch (error) {
    if (error instanceof Failure && error.code === 'config.missing' && file === undefined) return undefined;
    throw error;
  }
}

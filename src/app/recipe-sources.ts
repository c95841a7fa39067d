import { join } from 'node:path';
import { recipeFolder } from '../recipe/folder.js';
import type { RecipeSource } from '../recipe/load.js';
import type { Context } from './context.js';
import type { Session } from './session.js';

/** The recipes that ship with oneclick. */
export function shippedRecipes({ packageDir }: Pick<Context, 'packageDir'>): RecipeSource {
  return recipeFolder(join(packageDir, 'recipes'), 'recipes');
}

/** The recipes of this project: the shipped ones, and its own, which take precedence. */
export function recipeSources(session: Pick<Session, 'context' | 'project'>): readonly RecipeSource[] {
  const own = recipeFolder(join(session.project.folder, '.oneclick', 'recipes'), '.oneclick/recipes');
  return [shippedRecipes(session.context), own];
}

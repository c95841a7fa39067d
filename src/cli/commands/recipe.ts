import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../app/context.js';
import { shippedRecipes } from '../../app/recipe-sources.js';
import { openProject } from '../../app/session.js';
import { Failure } from '../../domain/failure.js';
import { describe, describeTasks } from '../../recipe/describe.js';
import { ejectedText, textHash } from '../../recipe/eject.js';
import { recipeFolder } from '../../recipe/folder.js';
import { loadRecipe, readRecipe, readRecipes } from '../../recipe/load.js';
import { table } from '../../report/table.js';
import { tasks } from '../../tasks/registry.js';
import { withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';

/** The shipped recipes, and the project's own where there is a project. */
async function sources(context: Context, flags: Globals) {
  const shipped = shippedRecipes(context);
  const folder = await projectFolder(context, flags);
  if (folder === undefined) return [shipped];
  return [shipped, recipeFolder(join(folder, '.oneclick', 'recipes'), '.oneclick/recipes')];
}

async function projectFolder(context: Context, { file }: Globals): Promise<string | undefined> {
  try {
    return (await openProject(context, file === undefined ? {} : { file })).folder;
  } catch (error) {
    if (error instanceof Failure && error.code === 'config.missing' && file === undefined) return undefined;
    throw error;
  }
}

/** `oneclick recipe list` */
export function list(context: Context, _: readonly string[], flags: Globals): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const from = await sources(context, flags);
    const files = await readRecipes(from);
    const recipes = await Promise.all(
      [...files].map(async ([name, { file }]) => {
        const recipe = await readRecipe(name, from);
        return { name, file, summary: recipe.partial ? 'a part of other recipes' : (recipe.summary ?? '') };
      }),
    );
    recipes.sort((a, b) => a.name.localeCompare(b.name));
    reporter.result({ recipes }, (document, page) =>
      table(
        document.recipes,
        [
          { title: 'RECIPE', value: (row) => row.name },
          { title: 'WHAT IT DOES', value: (row) => row.summary, narrow: 'wrap' },
          { title: 'FROM', value: (row) => row.file, narrow: 'cut' },
        ],
        page,
      ),
    );
    return 0;
  });
}

/** `oneclick recipe show` */
export function show(
  context: Context,
  [name = '']: readonly string[],
  flags: Globals & { tasks: boolean },
): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const from = await sources(context, flags);
    const recipe = await readRecipe(name, from);
    const included =
      flags.tasks && !recipe.partial ? [...(await loadRecipe(name, from, tasks)).included.values()] : [];
    const explained = flags.tasks ? `\n${describeTasks([recipe, ...included], tasks)}` : '';
    const text = describe(recipe);
    reporter.result({ name, file: recipe.source.file, text }, (document) => document.text + explained);
    return 0;
  });
}

/** `oneclick recipe eject` */
export function eject(context: Context, [name = '']: readonly string[], flags: Globals): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const folder = (await projectFolder(context, flags)) ?? context.cwd;
    const recipe = await readRecipe(name, [shippedRecipes(context)]);
    const path = join(folder, '.oneclick', 'recipes', `${name}.yml`);
    const hash = textHash(recipe.source.text);
    await mkdir(join(folder, '.oneclick', 'recipes'), { recursive: true });
    try {
      await writeFile(path, ejectedText(recipe), { flag: 'wx' });
    } catch (cause) {
      throw new Failure('usage', 'eject.exists', `${path} is there already`, {
        hint: 'remove it first',
        cause,
      });
    }
    reporter.result(
      { name, path, hash },
      (document) => `${document.path} now replaces the shipped ${document.name}\n`,
    );
    return 0;
  });
}

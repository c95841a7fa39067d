import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../../app/context.js';
import { projectFolder, shippedRecipes } from '../../../../app/recipe-sources.js';
import { Failure } from '../../../../domain/failure.js';
import { ejectedText, textHash } from '../../../../recipe/eject.js';
import { readRecipe } from '../../../../recipe/load.js';
import { withOutput } from '../../../command-output.js';
import type { RecipeEjectFlags } from './command.js';

export function run(
  context: Context,
  [name = '']: readonly string[],
  flags: RecipeEjectFlags,
): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const folder = (await projectFolder(context, flags)) ?? context.cwd;
    const recipe = await readRecipe(name, [shippedRecipes(context)]);
    const path = join(folder, '.oneclick', 'recipes', `${name}.yml`);
    const hash = textHash(recipe.source.text);
    await mkdir(join(folder, '.oneclick', 'recipes'), { recursive: true });
    try {
      await writeFile(path, ejectedText(recipe), { flag: 'wx' });
    } catch (cause) {
      throw new Failure('usage', 'eject.exists', `${path} already exists`, {
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

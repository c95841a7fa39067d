import type { Context } from '../../../../app/context.js';
import { projectFolder, recipeSources } from '../../../../app/recipe-sources.js';
import { readRecipe, readRecipes } from '../../../../recipe/load.js';
import { table } from '../../../../report/table.js';
import { withOutput } from '../../../command-output.js';
import type { RecipeListFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: RecipeListFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const sources = recipeSources(context, await projectFolder(context, flags));
    const files = await readRecipes(sources);
    const recipes = await Promise.all(
      [...files].map(async ([name, { file }]) => {
        const recipe = await readRecipe(name, sources);
        return { name, file, summary: recipe.partial ? 'Part of other recipes' : (recipe.summary ?? '') };
      }),
    );
    recipes.sort((a, b) => a.name.localeCompare(b.name));
    reporter.result({ recipes }, (document, page) =>
      table(
        document.recipes,
        [
          { title: 'RECIPE', value: (row) => row.name },
          { title: 'SUMMARY', value: (row) => row.summary, narrow: 'wrap' },
          { title: 'FROM', value: (row) => row.file, narrow: 'cut' },
        ],
        page,
      ),
    );
    return 0;
  });
}

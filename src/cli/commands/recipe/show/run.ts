import type { Context } from '../../../../app/context.js';
import { projectFolder, recipeSources } from '../../../../app/recipe-sources.js';
import { describe, describeTasks } from '../../../../recipe/describe.js';
import { loadRecipe, readRecipe } from '../../../../recipe/load.js';
import { tasks } from '../../../../tasks/registry.js';
import { withOutput } from '../../../command-output.js';
import type { RecipeShowFlags } from './command.js';

export function run(
  context: Context,
  [name = '']: readonly string[],
  flags: RecipeShowFlags,
): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const sources = recipeSources(context, await projectFolder(context, flags));
    const recipe = await readRecipe(name, sources);
    const included =
      flags.tasks && !recipe.partial ? [...(await loadRecipe(name, sources, tasks)).included.values()] : [];
    const explained = flags.tasks ? `\n${describeTasks([recipe, ...included], tasks)}` : '';
    const text = describe(recipe);
    reporter.result({ name, file: recipe.source.file, text }, (document) => document.text + explained);
    return 0;
  });
}

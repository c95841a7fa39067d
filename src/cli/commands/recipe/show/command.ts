import { defineCommand, type FlagsOf, flag } from '../../../define-command.js';

export const recipeShow = defineCommand({
  name: 'show',
  summary: 'print a recipe',
  arguments: { '<name>': 'name of the recipe' },
  options: { tasks: flag('--tasks', 'explain each task and how it is undone') },
  examples: ['oneclick recipe show deploy', 'oneclick recipe show deploy --tasks'],
});

export type RecipeShowFlags = FlagsOf<typeof recipeShow>;

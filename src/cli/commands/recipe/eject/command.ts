import { defineCommand, type FlagsOf } from '../../../define-command.js';

export const recipeEject = defineCommand({
  name: 'eject',
  summary: 'copy a recipe to .oneclick/recipes to customize it',
  arguments: { '<name>': 'name of the recipe' },
  options: {},
  examples: ['oneclick recipe eject deploy'],
});

export type RecipeEjectFlags = FlagsOf<typeof recipeEject>;

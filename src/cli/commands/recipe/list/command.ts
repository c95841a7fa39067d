import { defineCommand, type FlagsOf } from '../../../define-command.js';

export const recipeList = defineCommand({
  name: 'list',
  summary: 'list recipes',
  options: {},
  examples: ['oneclick recipe list'],
});

export type RecipeListFlags = FlagsOf<typeof recipeList>;

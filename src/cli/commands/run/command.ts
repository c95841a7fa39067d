import { defineCommand, type FlagsOf, list } from '../../define-command.js';
import { changeOptions } from '../../options.js';

export const runCommand = defineCommand({
  name: 'run',
  summary: 'run a recipe',
  arguments: { '<recipe>': 'name of the recipe' },
  options: {
    ...changeOptions,
    set: list('--set <name=value>', 'set a parameter of the recipe (repeatable)'),
  },
  examples: ['oneclick run nightly --set batch=1', 'oneclick recipe list'],
});

export type RunFlags = FlagsOf<typeof runCommand>;

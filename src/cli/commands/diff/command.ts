import { defineCommand, type FlagsOf } from '../../define-command.js';
import { environmentOption } from '../../options.js';

export const diff = defineCommand({
  name: 'diff',
  summary: 'compare two releases',
  usage: '[A] [B] [service] [options]',
  arguments: {
    '[release...]': 'a number, current, or next for the configuration (default: the last two)',
  },
  options: { ...environmentOption },
  examples: ['oneclick diff', 'oneclick diff next', 'oneclick diff 2 3 web'],
});

export type DiffFlags = FlagsOf<typeof diff>;

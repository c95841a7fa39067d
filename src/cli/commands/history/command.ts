import { defineCommand, type FlagsOf, value } from '../../define-command.js';
import { environmentOption } from '../../options.js';
import { wholeNumber } from '../../parse-values.js';

export const history = defineCommand({
  name: 'history',
  summary: 'show past runs, newest first',
  arguments: { '[service...]': 'services to show (default: all)' },
  options: {
    ...environmentOption,
    number: {
      ...value('-n, --number <n>', 'show at most this many runs (default: 20)', wholeNumber),
      default: 20,
    },
  },
  examples: ['oneclick history', 'oneclick history web -n 50', 'oneclick history --json'],
});

export type HistoryFlags = FlagsOf<typeof history>;

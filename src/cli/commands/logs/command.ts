import { defineCommand, type FlagsOf, flag, list, value } from '../../define-command.js';
import { environmentOption } from '../../options.js';
import { wholeNumber } from '../../parse-values.js';

export const logs = defineCommand({
  name: 'logs',
  summary: 'show the logs of services',
  arguments: { '[service...]': 'services to show (default: all)' },
  options: {
    ...environmentOption,
    follow: flag('-f, --follow', 'keep printing new lines'),
    lines: value(
      '-n, --lines <n>',
      'print this many lines of each instance (default: 100, or all with --since or --grep)',
      wholeNumber,
    ),
    since: value('--since <time>', 'print lines since this duration or time: 10m, 2h, 3d or ISO 8601'),
    host: list('--host <host>', 'print only lines of this host (repeatable)'),
    run: value('--run <run>', 'print the logs of a past run: of its failed containers and release command'),
    grep: value('--grep <text>', 'print only lines that contain this text'),
  },
  examples: [
    'oneclick logs --follow',
    'oneclick logs web --since 10m --grep error',
    'oneclick logs web --host web-1 --lines 20 --json',
    'oneclick logs --run f20784',
  ],
});

export type LogsFlags = FlagsOf<typeof logs>;

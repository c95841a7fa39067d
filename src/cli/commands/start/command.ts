import { defineCommand, type FlagsOf, list } from '../../define-command.js';
import { dryRunOptions, environmentOption, ignoreHostOption, waitOption } from '../../options.js';

export const start = defineCommand({
  name: 'start',
  summary: 'start stopped services',
  arguments: { '[service...]': 'services to start (default: all)' },
  options: {
    ...environmentOption,
    host: list('--host <host>', 'start only on this host (repeatable)'),
    ...ignoreHostOption,
    ...dryRunOptions,
    ...waitOption,
  },
  examples: ['oneclick start web', 'oneclick start web --host web-1 --dry-run'],
});

export type StartFlags = FlagsOf<typeof start>;

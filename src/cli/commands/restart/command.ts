import { defineCommand, type FlagsOf, list } from '../../define-command.js';
import { dryRunOptions, environmentOption, waitOption } from '../../options.js';

export const restart = defineCommand({
  name: 'restart',
  summary: 'restart services, one instance at a time',
  arguments: { '[service...]': 'services to restart (default: all)' },
  options: {
    ...environmentOption,
    host: list('--host <host>', 'restart only on this host (repeatable)'),
    ...dryRunOptions,
    ...waitOption,
  },
  examples: ['oneclick restart web', 'oneclick restart web --host web-1 --dry-run'],
});

export type RestartFlags = FlagsOf<typeof restart>;

import { defineCommand, type FlagsOf, list } from '../../define-command.js';
import { dryRunOptions, environmentOption, waitOption, yesOption } from '../../options.js';

export const stop = defineCommand({
  name: 'stop',
  summary: 'stop services',
  arguments: { '[service...]': 'services to stop (default: all)' },
  options: {
    ...environmentOption,
    host: list('--host <host>', 'stop only on this host (repeatable)'),
    ...dryRunOptions,
    ...waitOption,
    ...yesOption,
  },
  examples: ['oneclick stop web', 'oneclick stop web --host web-1 --dry-run'],
});

export type StopFlags = FlagsOf<typeof stop>;

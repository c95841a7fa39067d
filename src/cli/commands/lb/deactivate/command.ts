import { defineCommand, type FlagsOf, flag } from '../../../define-command.js';
import { dryRunOptions, environmentOption } from '../../../options.js';

export const lbDeactivate = defineCommand({
  name: 'deactivate',
  summary: 'drain and deregister instances, and keep them out',
  arguments: { '<instance...>': 'instance IDs, host names, Name tags, or instances such as web/2' },
  options: {
    ...environmentOption,
    ...dryRunOptions,
    force: flag('--force', 'deactivate even the last healthy instance'),
  },
  examples: ['oneclick lb deactivate i-0123456789abcdef0', 'oneclick lb deactivate web/2 --dry-run'],
});

export type LbDeactivateFlags = FlagsOf<typeof lbDeactivate>;

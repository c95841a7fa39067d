import { defineCommand, type FlagsOf, flag, list } from '../../define-command.js';
import { dryRunOptions, environmentOption, waitOption, yesOption } from '../../options.js';

export const prune = defineCommand({
  name: 'prune',
  summary: 'remove what is no longer configured',
  options: {
    ...environmentOption,
    host: list(
      '--host <host>',
      'prune only this host; also an address that oneclick.yml no longer lists (repeatable)',
    ),
    volumes: flag('--volumes', 'also remove the volumes of removed services, with their data'),
    ...dryRunOptions,
    ...waitOption,
    ...yesOption,
  },
  examples: [
    'oneclick prune --dry-run',
    'oneclick prune',
    'oneclick prune --host deploy@10.0.0.7',
    'oneclick prune --volumes',
  ],
});

export type PruneFlags = FlagsOf<typeof prune>;

import { defineCommand, type FlagsOf, flag } from '../../../define-command.js';
import { environmentOption, yesOption } from '../../../options.js';

export const hostBootstrap = defineCommand({
  name: 'bootstrap',
  summary: 'install Docker on hosts that lack it',
  arguments: { '[host...]': 'hosts to prepare (default: all)' },
  options: {
    ...environmentOption,
    dryRun: flag('--dry-run', 'print the commands without running them'),
    ...yesOption,
  },
  examples: [
    'oneclick host bootstrap web-1',
    'oneclick host bootstrap --env production --dry-run',
    'oneclick host bootstrap --yes',
  ],
});

export type BootstrapFlags = FlagsOf<typeof hostBootstrap>;

import { defineCommand, type FlagsOf } from '../../define-command.js';
import { dryRunOptions, environmentOption, waitOption } from '../../options.js';

export const settle = defineCommand({
  name: 'settle',
  summary: 'stop old containers that have drained',
  arguments: { '[service...]': 'services to settle (default: all)' },
  options: { ...environmentOption, ...dryRunOptions, ...waitOption },
  examples: ['oneclick settle', 'oneclick settle web --env production'],
});

export type SettleFlags = FlagsOf<typeof settle>;

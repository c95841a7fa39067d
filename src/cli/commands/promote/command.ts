import { defineCommand, type FlagsOf } from '../../define-command.js';
import { changeOptions, settleOption } from '../../options.js';

export const promote = defineCommand({
  name: 'promote',
  summary: 'promote the canary to every instance',
  arguments: { '[service...]': 'services to promote (default: all with a canary)' },
  options: { ...changeOptions, ...settleOption },
  examples: ['oneclick promote', 'oneclick promote web --dry-run'],
});

export type PromoteFlags = FlagsOf<typeof promote>;

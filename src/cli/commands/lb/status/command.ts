import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { environmentOption } from '../../../options.js';

export const lbStatus = defineCommand({
  name: 'status',
  summary: 'show the state of every target',
  arguments: { '[service...]': 'services to show (default: all)' },
  options: { ...environmentOption },
  examples: ['oneclick lb status', 'oneclick lb status web --env production --json'],
});

export type LbStatusFlags = FlagsOf<typeof lbStatus>;

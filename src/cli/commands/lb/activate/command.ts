import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { dryRunOptions, environmentOption } from '../../../options.js';

export const lbActivate = defineCommand({
  name: 'activate',
  summary: 'register instances and wait until they are healthy',
  arguments: { '<instance...>': 'instance IDs, host names, Name tags, or instances such as web/2' },
  options: { ...environmentOption, ...dryRunOptions },
  examples: ['oneclick lb activate i-0123456789abcdef0', 'oneclick lb activate web/2'],
});

export type LbActivateFlags = FlagsOf<typeof lbActivate>;

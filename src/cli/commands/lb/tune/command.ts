import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { dryRunOptions, environmentOption, yesOption } from '../../../options.js';

export const lbTune = defineCommand({
  name: 'tune',
  summary: 'tune health checks and draining for faster deploys',
  arguments: { '[service...]': 'services to tune (default: all)' },
  options: { ...environmentOption, ...dryRunOptions, ...yesOption },
  examples: ['oneclick lb tune --dry-run', 'oneclick lb tune web --yes'],
});

export type LbTuneFlags = FlagsOf<typeof lbTune>;

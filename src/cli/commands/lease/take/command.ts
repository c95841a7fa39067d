import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { environmentOption, yesOption } from '../../../options.js';

export const leaseTake = defineCommand({
  name: 'take',
  summary: 'end the run that holds the lease',
  options: { ...environmentOption, ...yesOption },
  examples: ['oneclick lease take', 'oneclick lease take --env production --yes'],
});

export type LeaseTakeFlags = FlagsOf<typeof leaseTake>;

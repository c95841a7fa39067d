import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { environmentOption } from '../../../options.js';

export const leaseShow = defineCommand({
  name: 'show',
  summary: 'show which run holds the lease',
  isDefault: true,
  options: { ...environmentOption },
  examples: ['oneclick lease', 'oneclick lease show --env production'],
});

export type LeaseShowFlags = FlagsOf<typeof leaseShow>;

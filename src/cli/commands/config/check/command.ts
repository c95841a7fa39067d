import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { environmentOption } from '../../../options.js';

export const configCheck = defineCommand({
  name: 'check',
  summary: 'report every problem in oneclick.yml',
  options: { ...environmentOption },
  examples: ['oneclick config check', 'oneclick config check --env production'],
});

export type ConfigCheckFlags = FlagsOf<typeof configCheck>;

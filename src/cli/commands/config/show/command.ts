import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { environmentOption } from '../../../options.js';

export const configShow = defineCommand({
  name: 'show',
  summary: 'print an environment with all defaults filled in',
  options: { ...environmentOption },
  examples: ['oneclick config show', 'oneclick config show --env production --json'],
});

export type ConfigShowFlags = FlagsOf<typeof configShow>;

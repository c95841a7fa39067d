import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { sandboxOption } from '../sandbox-option.js';

export const sandboxStatus = defineCommand({
  name: 'status',
  summary: 'show the machines of the sandbox',
  options: { ...sandboxOption },
  examples: ['oneclick sandbox status'],
});

export type SandboxStatusFlags = FlagsOf<typeof sandboxStatus>;

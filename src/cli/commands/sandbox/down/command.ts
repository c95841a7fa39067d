import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { sandboxOption } from '../sandbox-option.js';

export const sandboxDown = defineCommand({
  name: 'down',
  summary: 'remove the sandbox and all its data',
  options: { ...sandboxOption },
  examples: ['oneclick sandbox down'],
});

export type SandboxDownFlags = FlagsOf<typeof sandboxDown>;

import { defineCommand, type FlagsOf } from '../../../define-command.js';
import { sandboxOption } from '../sandbox-option.js';

export const sandboxEnv = defineCommand({
  name: 'env',
  summary: 'print shell exports that point AWS tools to the sandbox',
  options: { ...sandboxOption },
  examples: ['eval "$(oneclick sandbox env)"'],
});

export type SandboxEnvFlags = FlagsOf<typeof sandboxEnv>;

import { choice, defineCommand, type FlagsOf, value } from '../../../define-command.js';
import { wholeNumber } from '../../../parse-values.js';
import { sandboxOption } from '../sandbox-option.js';

export const sandboxUp = defineCommand({
  name: 'up',
  summary: 'start or repair the sandbox',
  options: {
    ...sandboxOption,
    machines: value('--machines <n>', 'start this many machines', wholeNumber),
    profile: choice('--profile <name>', 'set the speed of its AWS API: fast or realistic (default: fast)', [
      'fast',
      'realistic',
    ]),
    seed: value('--seed <text>', 'make its random delays repeatable'),
  },
  examples: ['oneclick sandbox up', 'oneclick sandbox up --machines 3 --profile realistic'],
});

export type SandboxUpFlags = FlagsOf<typeof sandboxUp>;

import { defineCommand, type FlagsOf, flag, value } from '../../../define-command.js';
import { countOrAlways } from '../../../parse-values.js';
import { sandboxOption } from '../sandbox-option.js';

export const sandboxFault = defineCommand({
  name: 'fault',
  summary: 'make its AWS API fail like the real one',
  arguments: { '[fault]': 'fault to switch on (default: list all)' },
  options: {
    times: value('--times <n>', 'fail this many calls, or always (default: 1)', countOrAlways),
    on: value('--on <action>', 'fail only calls of this action, such as DescribeInstances'),
    clear: flag('--clear', 'switch the fault off, or all faults'),
    ...sandboxOption,
  },
  examples: [
    'oneclick sandbox fault',
    'oneclick sandbox fault capacity --times 3',
    'oneclick sandbox fault throttle --on DescribeInstances --times always',
    'oneclick sandbox fault --clear',
  ],
});

export type SandboxFaultFlags = FlagsOf<typeof sandboxFault>;

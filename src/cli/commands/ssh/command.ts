import { defineCommand, type FlagsOf } from '../../define-command.js';
import { environmentOption } from '../../options.js';

export const ssh = defineCommand({
  name: 'ssh',
  summary: 'open a shell on a host, or run a command there',
  usage: '[host] [options] [-- COMMAND...]',
  // A command without its -- gets a better message from run().
  allowExcessArguments: true,
  takesCommand: true,
  arguments: { '[host]': 'name of a host, or an instance such as web/1' },
  options: { ...environmentOption },
  examples: ['oneclick ssh', 'oneclick ssh web/1', 'oneclick ssh web-1 -- df -h'],
});

export type SshFlags = FlagsOf<typeof ssh>;

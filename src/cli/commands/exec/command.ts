import { defineCommand, type FlagsOf, flag, value } from '../../define-command.js';
import { environmentOption } from '../../options.js';

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a command in a container of a service',
  usage: '[service] [options] -- COMMAND...',
  // A command without its -- gets a better message from run().
  allowExcessArguments: true,
  takesCommand: true,
  arguments: { '[service]': 'service to run in (required if there are several)' },
  options: {
    ...environmentOption,
    interactive: flag('-i, --interactive', 'pass standard input to the command'),
    tty: flag('-t, --tty', 'run the command in a terminal'),
    host: value('--host <host>', 'run on this host (default: that of the first instance)'),
    all: flag('--all', 'run on every instance and label each line with its host'),
    new: flag('--new', 'run in a temporary container'),
  },
  examples: [
    'oneclick exec web -t -- sh',
    'oneclick exec web --all -- cat /etc/hostname',
    'oneclick exec web --new -- bin/migrate --status',
    'oneclick exec db -i -- psql < dump.sql',
  ],
});

export type ExecFlags = FlagsOf<typeof exec>;

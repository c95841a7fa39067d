import { defineCommand, type FlagsOf, value } from '../../define-command.js';
import { environmentOption } from '../../options.js';
import { secondsOrArgument } from '../../parse-values.js';

export const status = defineCommand({
  name: 'status',
  summary: 'show the services on every host, and any problems',
  arguments: { '[service...]': 'services to show (default: all)' },
  options: {
    ...environmentOption,
    watch: {
      ...value(
        '-w, --watch [seconds]',
        'refresh at this interval in seconds (default: 2)',
        secondsOrArgument,
      ),
      preset: '2',
    },
  },
  note: 'Exits with 0 if every instance runs its current release, with 8 if any needs attention.',
  examples: ['oneclick status', 'oneclick status --watch', 'oneclick status --env production --json'],
});

export type StatusFlags = FlagsOf<typeof status>;

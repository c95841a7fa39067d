import { defineCommand, type FlagsOf, flag, value } from '../../define-command.js';
import { yesOption } from '../../options.js';

export const init = defineCommand({
  name: 'init',
  summary: 'create oneclick.yml from the files in this folder',
  options: {
    fromCompose: value('--from-compose <file>', 'convert this Compose file into services'),
    dryRun: flag('--dry-run', 'print the file without writing it'),
    ...yesOption,
  },
  examples: ['oneclick init', 'oneclick init --from-compose compose.yml', 'oneclick init --dry-run'],
});

export type InitFlags = FlagsOf<typeof init>;

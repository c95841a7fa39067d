import { defineCommand, type FlagsOf, flag, value } from '../../define-command.js';
import { changeOptions, settleOption } from '../../options.js';
import { wholeNumber } from '../../parse-values.js';

export const rollback = defineCommand({
  name: 'rollback',
  summary: 'roll back to the previous release',
  arguments: { '[service...]': 'services to roll back (default: those of the last run)' },
  options: {
    ...changeOptions,
    to: value('--to <release>', 'roll back to the release with this number', wholeNumber),
    ...settleOption,
    currentSecrets: flag('--current-secrets', 'recreate containers whose secrets have changed'),
  },
  examples: ['oneclick rollback', 'oneclick rollback web --to 3', 'oneclick rollback --dry-run'],
});

export type RollbackFlags = FlagsOf<typeof rollback>;

import { defineCommand, type FlagsOf } from '../../define-command.js';
import { environmentOption } from '../../options.js';

export const releases = defineCommand({
  name: 'releases',
  summary: 'list releases and show where a rollback leads',
  arguments: { '[service...]': 'services to show (default: all)' },
  options: { ...environmentOption },
  examples: ['oneclick releases', 'oneclick releases web --json'],
});

export type ReleasesFlags = FlagsOf<typeof releases>;

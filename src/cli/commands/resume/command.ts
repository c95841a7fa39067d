import { defineCommand, type FlagsOf, flag, list } from '../../define-command.js';
import { environmentOption, waitOption } from '../../options.js';

export const resume = defineCommand({
  name: 'resume',
  summary: 'resume an interrupted run',
  arguments: { '[run]': 'run ID (default: the last unfinished run)' },
  options: {
    ...environmentOption,
    revert: flag('--revert', 'undo the run instead'),
    without: list('--without <host>', 'leave out this host, which is gone for good (repeatable)'),
    ...waitOption,
  },
  examples: [
    'oneclick resume',
    'oneclick resume 3f2a9c --revert',
    'oneclick resume 3f2a9c --revert --without web-3',
  ],
});

export type ResumeFlags = FlagsOf<typeof resume>;

import { defineCommand, type FlagsOf, flag } from '../../define-command.js';
import { environmentOption, waitOption } from '../../options.js';

export const resume = defineCommand({
  name: 'resume',
  summary: 'resume an interrupted run',
  arguments: { '[run]': 'run ID (default: the last unfinished run)' },
  options: { ...environmentOption, revert: flag('--revert', 'undo the run instead'), ...waitOption },
  examples: ['oneclick resume', 'oneclick resume 3f2a9c --revert'],
});

export type ResumeFlags = FlagsOf<typeof resume>;

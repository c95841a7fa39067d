import { defineCommand, type FlagsOf, flag } from '../../define-command.js';
import { environmentOption, yesOption } from '../../options.js';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check everything a deploy needs and suggest fixes',
  options: { ...environmentOption, fix: flag('--fix', 'add files with secrets to .gitignore'), ...yesOption },
  examples: ['oneclick doctor', 'oneclick doctor --env production', 'oneclick doctor --fix'],
});

export type DoctorFlags = FlagsOf<typeof doctor>;

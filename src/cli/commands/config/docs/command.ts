import { defineCommand, type FlagsOf } from '../../../define-command.js';

export const configDocs = defineCommand({
  name: 'docs',
  summary: 'print every key of oneclick.yml with its meaning',
  options: {},
  examples: ['oneclick config docs'],
});

export type ConfigDocsFlags = FlagsOf<typeof configDocs>;

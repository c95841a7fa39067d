import { defineCommand, type FlagsOf } from '../../../define-command.js';

export const configSchema = defineCommand({
  name: 'schema',
  summary: 'print the JSON Schema of oneclick.yml, for editors',
  options: {},
  examples: ['oneclick config schema'],
});

export type ConfigSchemaFlags = FlagsOf<typeof configSchema>;

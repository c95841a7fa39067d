import { value } from '../../define-command.js';

export const sandboxOption = {
  name: value('--name <name>', 'use the sandbox with this name'),
};

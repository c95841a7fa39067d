import type { Context } from '../../../../app/context.js';
import { controlSandbox } from '../control-sandbox.js';
import type { SandboxDownFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: SandboxDownFlags): Promise<number> {
  return controlSandbox(['down'], context, flags);
}

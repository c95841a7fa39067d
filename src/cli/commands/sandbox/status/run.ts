import type { Context } from '../../../../app/context.js';
import { controlSandbox } from '../control-sandbox.js';
import type { SandboxStatusFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: SandboxStatusFlags): Promise<number> {
  return controlSandbox(['status'], context, flags);
}

import type { Context } from '../../../../app/context.js';
import { changeTargets } from '../change-targets.js';
import type { LbActivateFlags } from './command.js';

export function run(context: Context, args: readonly string[], flags: LbActivateFlags): Promise<number> {
  return changeTargets('lb-activate', context, args, flags);
}

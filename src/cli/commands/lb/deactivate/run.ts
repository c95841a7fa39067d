import type { Context } from '../../../../app/context.js';
import { changeTargets } from '../change-targets.js';
import type { LbDeactivateFlags } from './command.js';

export function run(context: Context, args: readonly string[], flags: LbDeactivateFlags): Promise<number> {
  return changeTargets('lb-deactivate', context, args, flags, flags.force ? { force: true } : {});
}

import type { Context } from '../../../../app/context.js';
import { changeTargets } from '../change-targets.js';
import type { LbDeactivateFlags } from './command.js';

export function run(context: Context, words: readonly string[], flags: LbDeactivateFlags): Promise<number> {
  return changeTargets('lb-deactivate', context, words, flags, flags.force ? { force: true } : {});
}

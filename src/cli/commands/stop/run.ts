import type { Context } from '../../../app/context.js';
import { startOrStop } from '../../start-stop.js';
import type { StopFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: StopFlags): Promise<number> {
  return startOrStop('stop', context, names, flags);
}

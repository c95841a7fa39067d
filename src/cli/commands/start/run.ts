import type { Context } from '../../../app/context.js';
import { startOrStop } from '../../start-stop.js';
import type { StartFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: StartFlags): Promise<number> {
  return startOrStop('start', context, names, flags);
}

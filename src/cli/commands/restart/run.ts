import type { Context } from '../../../app/context.js';
import { startOrStop } from '../../start-stop.js';
import type { RestartFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: RestartFlags): Promise<number> {
  return startOrStop('restart', context, names, flags);
}

import type { Context } from '../../../app/context.js';
import { change } from '../../change.js';
import { parseParams } from '../../recipe-params.js';
import type { RunFlags } from './command.js';

export function run(context: Context, [recipe = '']: readonly string[], flags: RunFlags): Promise<number> {
  return change(context, [], flags, { recipe, params: parseParams(flags.set) });
}

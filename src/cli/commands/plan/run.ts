import type { Context } from '../../../app/context.js';
import { change } from '../../change.js';
import { parseParams } from '../../recipe-params.js';
import type { PlanFlags } from './command.js';

export function run(context: Context, services: readonly string[], flags: PlanFlags): Promise<number> {
  const { recipe, set } = flags;
  return change(context, services, { ...flags, dryRun: true }, { recipe, params: parseParams(set) });
}

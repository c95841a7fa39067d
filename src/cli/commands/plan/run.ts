import type { Context } from '../../../app/context.js';
import { buildFirst, checkBuildFlags } from '../../build-first.js';
import { change } from '../../change.js';
import { parseParams } from '../../recipe-params.js';
import type { PlanFlags } from './command.js';

export function run(context: Context, services: readonly string[], flags: PlanFlags): Promise<number> {
  checkBuildFlags(flags);
  const { recipe, set } = flags;
  const dryRun = { ...flags, dryRun: true };
  const params = parseParams(set);
  return change(context, services, dryRun, { recipe, params, ...buildFirst(services, dryRun) });
}

import type { Context } from '../../../app/context.js';
import { change } from '../../change.js';
import type { PromoteFlags } from './command.js';

export function run(context: Context, services: readonly string[], flags: PromoteFlags): Promise<number> {
  return change(context, services, flags, { recipe: 'promote', params: { settle: flags.settle } });
}

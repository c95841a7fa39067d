import { chooseCanary } from '../../../app/canary.js';
import type { Context } from '../../../app/context.js';
import { Failure } from '../../../domain/failure.js';
import { given } from '../../../domain/given.js';
import { buildFirst, checkBuildFlags } from '../../build-first.js';
import { type Change, change } from '../../change.js';
import type { DeployFlags } from './command.js';

/** Runs the recipe `deploy`, or `canary` on some of the instances. */
export function run(context: Context, services: readonly string[], flags: DeployFlags): Promise<number> {
  checkBuildFlags(flags);
  checkCanaryFlags(flags);
  const { adopt, canary, settle } = flags;
  const deployment: Change =
    canary === undefined
      ? { recipe: 'deploy', params: { settle, ...given({ adopt }) } }
      : {
          recipe: 'canary',
          params: {},
          select: (named) => chooseCanary(named, canary),
          nextStep: (names) => `next: oneclick promote ${names}, or oneclick rollback ${names}`,
        };
  return change(context, services, flags, {
    ...deployment,
    ...buildFirst(services, flags),
  });
}

function checkCanaryFlags({ canary, only, adopt, batch, settle }: DeployFlags): void {
  if (canary === undefined) return;
  const [excluded] = [
    only.length > 0 && '--only',
    adopt !== undefined && '--adopt',
    batch !== undefined && '--batch',
    !settle && '--no-settle',
  ].filter(Boolean);
  if (excluded !== undefined)
    throw new Failure('usage', 'arguments', `${excluded} cannot be combined with --canary`, {
      hint: `remove ${excluded}`,
    });
}

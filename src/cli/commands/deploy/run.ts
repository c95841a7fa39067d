import { chooseCanary } from '../../../app/canary.js';
import type { Context } from '../../../app/context.js';
import type { Session } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import { given } from '../../../domain/given.js';
import { type Change, change, type PreparedChange } from '../../change.js';
import type { CommandOutput } from '../../command-output.js';
import { programOutput } from '../../program-output.js';
import type { DeployFlags } from './command.js';

/** Runs the recipe `deploy`, or `canary` on some of the instances. */
export function run(context: Context, services: readonly string[], flags: DeployFlags): Promise<number> {
  checkBuildFlags(flags);
  checkCanaryFlags(flags);
  const { adopt, build, canary, settle } = flags;
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
    ...(build ? { prepare: (session, out) => buildFirst(session, out, services, flags) } : {}),
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

async function buildFirst(
  session: Session,
  out: CommandOutput,
  services: readonly string[],
  flags: DeployFlags,
): Promise<PreparedChange> {
  const { buildForDeploy } = await import('../../../app/build/build-for-deploy.js');
  const { only, image: images, pushOverSsh } = flags;
  const request = { services, only, images, settings: flags, pushOverSsh };
  return buildForDeploy(session, programOutput(out, flags, session.context), request);
}

function checkBuildFlags(flags: DeployFlags): void {
  const { build, pushOverSsh, dryRun, explain, cache, dirty, platform } = flags;
  const flag = explain ? '--explain' : '--dry-run';
  if (build && (dryRun || explain))
    throw new Failure('usage', 'arguments', `${flag} cannot be combined with --build`, {
      hint: `oneclick build --push, then oneclick deploy ${flag}`,
    });
  if (pushOverSsh && platform?.includes(','))
    throw new Failure('usage', 'arguments', `--push-over-ssh supports one platform, not ${platform}`, {
      hint: 'deploy to the hosts of each platform separately: --only HOST --platform PLATFORM',
    });
  const [dependent] = [
    pushOverSsh && '--push-over-ssh',
    dirty && '--dirty',
    !cache && '--no-cache',
    platform && '--platform',
  ].filter(Boolean);
  if (!build && dependent !== undefined)
    throw new Failure('usage', 'arguments', `${dependent} requires --build`, { hint: 'add --build' });
}

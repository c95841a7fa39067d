import { Failure } from '../domain/failure.js';
import type { Change } from './change.js';
import type { ChangeFlags, DeployBuildFlags } from './options.js';
import { programOutput } from './program-output.js';

type Flags = ChangeFlags & DeployBuildFlags & { readonly image: readonly string[]; readonly tag?: string };

/** With --build, builds the images of the services before the change is planned; a dry run only assumes that they are built. */
export function buildFirst(services: readonly string[], flags: Flags): Pick<Change, 'prepare'> {
  const { build, dryRun, only, image: images, pushOverSsh } = flags;
  if (!build) return {};
  const request = { services, only, images, settings: flags, pushOverSsh };
  return {
    prepare: async (session, out) => {
      const { buildForDeploy, planBuilds } = await import('../app/build/build-for-deploy.js');
      return dryRun
        ? planBuilds(session, request)
        : buildForDeploy(session, programOutput(out, flags, session.context), request);
    },
  };
}

/** Throws a usage Failure for flags that do not fit together. */
export function checkBuildFlags(flags: DeployBuildFlags & { readonly explain: boolean }): void {
  const { build, pushOverSsh, explain, cache, dirty, platform } = flags;
  if (build && explain)
    throw new Failure('usage', 'arguments', '--explain cannot be combined with --build', {
      hint: 'oneclick build --push, then oneclick deploy --explain',
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

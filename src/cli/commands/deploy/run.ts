import { chooseCanary } from '../../../app/canary.js';
import { selectServices } from '../../../app/choose-services.js';
import { withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import type { Session } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import { atRegistry } from '../../../domain/image.js';
import type { Service } from '../../../domain/service.js';
import { transferRegistry } from '../../../domain/transfer-registry.js';
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
      ? { recipe: 'deploy', params: { settle, ...(adopt === undefined ? {} : { adopt }) } }
      : {
          recipe: 'canary',
          params: {},
          choose: (named) => chooseCanary(named, canary),
          next: (names) => `then: oneclick promote ${names}, or oneclick rollback ${names}`,
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

/** Builds the images and pushes or packs them; the session gets the commit in their tag. */
async function buildFirst(
  configured: Session,
  out: CommandOutput,
  services: readonly string[],
  flags: DeployFlags,
): Promise<PreparedChange> {
  const session = flags.pushOverSsh ? withoutRegistry(configured) : configured;
  // Services with an --image or on other hosts are not built.
  const chosen = selectServices(session.environment.services, {
    services,
    only: flags.only,
    images: flags.image,
  });
  if (!chosen.some(({ image }) => image.kind === 'build')) {
    out.reporter.warn('this deploy has nothing to build');
    return { session };
  }
  // Missing secrets should fail the deploy before the build.
  await session.secrets.get([...new Set(chosen.flatMap(({ secrets }) => secrets))]);
  const { buildImages, buildTag } = await import('../../../app/build/build-images.js');
  const tag = await buildTag(session, flags);
  const hosts = flags.platform === undefined ? await platformsOf(session, chosen) : [];
  const pushing = flags.pushOverSsh ? { push: false, skip: false } : { push: true, skip: true };
  const built = await buildImages(session, programOutput(out, flags, session.context), chosen, tag, flags, {
    ...pushing,
    hosts,
  });
  const tagged = tag.follows ? { ...session, commit: tag.tag } : session;
  if (!flags.pushOverSsh) return { session: tagged };
  const { packImages } = await import('../../../app/build/transfer.js');
  return { session: tagged, transfer: await packImages(tagged, chosen, built) };
}

/** The platforms of the hosts. Throws the Failure of a host that does not answer. */
async function platformsOf(session: Session, services: readonly Service[]): Promise<readonly string[]> {
  return withEnvironment(session, { services, brief: true }, async ({ hosts, ready }) => {
    ready();
    const [lost] = hosts.failures;
    if (lost !== undefined) throw lost;
    const versions = [...hosts.connected.values()].map(({ engine }) => engine.version());
    return (await Promise.all(versions)).map(({ platform }) => platform);
  });
}

/** Names built images as the hosts will pull them through SSH. */
function withoutRegistry(session: Session): Session {
  const { environment } = session;
  const { name } = transferRegistry({ project: environment.project, environment: environment.name });
  const services = environment.services.map((service) => {
    const { image } = service;
    if (image.kind !== 'build') return service;
    return { ...service, image: { ...image, repository: atRegistry(image.repository, name) } };
  });
  return { ...session, environment: { ...environment, services } };
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

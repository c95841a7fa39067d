import { Failure } from '../../domain/failure.js';
import type { BuildFlags } from '../build.js';
import { chooseServices, hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { type ChangeFlags, onlyShown } from '../grammar/flags.js';
import { perform } from '../perform.js';
import { openSession, type Session } from '../session.js';
import { assent, speaking, type Voice } from '../speak.js';

interface DeployFlags extends ChangeFlags {
  readonly image?: readonly string[];
  readonly tag?: string;
  readonly adopt?: string;
  readonly build: boolean;
  readonly platform?: string;
  readonly cache: boolean;
  readonly dirty: boolean;
}

/** `oneclick deploy`: the recipe `deploy` on the services that were named. */
export function deploy(edge: Edge, services: readonly string[], flags: DeployFlags): Promise<number> {
  checkBuildFlags(flags);
  const params = flags.adopt === undefined ? {} : { adopt: flags.adopt };
  const before = flags.build
    ? (session: Session, voice: Voice) => buildFirst(session, voice, services, flags)
    : undefined;
  return change(edge, 'deploy', services, flags, params, before);
}

/** Builds and pushes what is going to be deployed; gives the session at the commit, or the marked one, that it is tagged with. */
async function buildFirst(
  session: Session,
  voice: Voice,
  services: readonly string[],
  flags: DeployFlags & BuildFlags,
): Promise<Session> {
  // What gets its image by --image, or runs on other hosts, is not built.
  const images = flags.image ?? [];
  const chosen = chooseServices(session.environment.services, { services, only: flags.only, images });
  if (!chosen.some(({ image }) => image.kind === 'build')) {
    voice.reporter.warn('nothing of this deploy is built');
    return session;
  }
  // What would keep the deploy from beginning is said before the work is done.
  await session.secrets.get([...new Set(chosen.flatMap(({ secrets }) => secrets))]);
  const { buildImages, buildTag } = await import('../build.js');
  const tag = await buildTag(session, flags);
  await buildImages(session, voice, chosen, tag, flags, { push: true, skip: true });
  return tag.follows ? { ...session, commit: tag.tag } : session;
}

function checkBuildFlags({ build, dryRun, explain, cache, dirty, platform }: DeployFlags): void {
  const flag = explain ? '--explain' : '--dry-run';
  if (build && (dryRun || explain))
    throw new Failure('usage', 'arguments', `${flag} does nothing, and --build would build and push`, {
      hint: `oneclick build --push, then oneclick deploy ${flag}`,
    });
  const [idle] = [dirty && '--dirty', !cache && '--no-cache', platform && '--platform'].filter(Boolean);
  if (!build && idle !== undefined)
    throw new Failure('usage', 'arguments', `${idle} is about building`, { hint: 'add --build' });
}

interface RollbackFlags extends ChangeFlags {
  readonly to?: number;
  readonly currentSecrets: boolean;
}

/** `oneclick rollback`: the recipe `rollback`. */
export function rollback(edge: Edge, services: readonly string[], flags: RollbackFlags): Promise<number> {
  return change(edge, 'rollback', services, flags, {
    'current-secrets': flags.currentSecrets,
    ...(flags.to === undefined ? {} : { to: flags.to }),
  });
}

/** Carries out a recipe on services of the environment, after what comes before; throws usage failures for what the arguments cannot mean. */
export function change(
  edge: Edge,
  recipe: string,
  services: readonly string[],
  flags: ChangeFlags & { readonly image?: readonly string[]; readonly tag?: string },
  params: Readonly<Record<string, unknown>>,
  before = async (session: Session, _: Voice) => session,
): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await before(await openSession(edge, voice, flags), voice);
    const chosen = chooseServices(session.environment.services, {
      services,
      only: flags.only,
      images: flags.image ?? [],
      ...(flags.tag === undefined ? {} : { tag: flags.tag }),
      ...(session.commit === undefined ? {} : { commit: session.commit }),
    });
    return perform(session, {
      recipe,
      services: chosen,
      beside: hostsBeside(session.environment.services, chosen),
      params: { ...params, ...(flags.batch === undefined ? {} : { batch: flags.batch }) },
      ...onlyShown(flags),
      wait: flags.wait,
      ...assent(voice, flags),
      ...(flags.onFailure === undefined ? {} : { onFailure: flags.onFailure }),
    });
  });
}

import { Failure } from '../../domain/failure.js';
import { atRegistry } from '../../domain/image.js';
import { lentRegistry } from '../../domain/lent-registry.js';
import type { Service } from '../../domain/service.js';
import type { BuildFlags } from '../build.js';
import { chooseCanary } from '../canary.js';
import { chooseServices, hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { openField } from '../field.js';
import { type ChangeFlags, onlyShown } from '../grammar/flags.js';
import { cloudFor } from '../groups.js';
import { perform } from '../perform.js';
import { openSession, type Session } from '../session.js';
import type { Shipment } from '../shipment.js';
import { assent, busyOnTerminal, speaking, type Voice } from '../speak.js';

interface DeployFlags extends ChangeFlags {
  readonly image?: readonly string[];
  readonly tag?: string;
  readonly adopt?: string;
  readonly build: boolean;
  readonly pushOverSsh: boolean;
  readonly settle: boolean;
  readonly canary?: string;
  readonly platform?: string;
  readonly cache: boolean;
  readonly dirty: boolean;
}

/** `oneclick deploy`: the recipe `deploy` on the services that were named, or `canary` on some of their instances. */
export function deploy(edge: Edge, services: readonly string[], flags: DeployFlags): Promise<number> {
  checkBuildFlags(flags);
  checkCanaryFlags(flags);
  const { adopt, build, canary, settle } = flags;
  const manner: Manner =
    canary === undefined
      ? { recipe: 'deploy', params: { settle, ...(adopt === undefined ? {} : { adopt }) } }
      : {
          recipe: 'canary',
          params: {},
          choose: (named) => chooseCanary(named, canary),
          next: (names) => `then: oneclick promote ${names}, or oneclick rollback ${names}`,
        };
  return change(edge, services, flags, {
    ...manner,
    ...(build ? { before: (session, voice) => buildFirst(session, voice, services, flags) } : {}),
  });
}

function checkCanaryFlags({ canary, only, adopt, batch, settle }: DeployFlags): void {
  if (canary === undefined) return;
  const [idle] = [
    only.length > 0 && '--only',
    adopt !== undefined && '--adopt',
    batch !== undefined && '--batch',
    !settle && '--no-settle',
  ].filter(Boolean);
  if (idle !== undefined)
    throw new Failure(
      'usage',
      'arguments',
      `${idle} says nothing of a canary, which all old ones stay beside`,
      {
        hint: `leave ${idle} out`,
      },
    );
}

/** `oneclick promote`: the recipe of that name. */
export function promote(
  edge: Edge,
  services: readonly string[],
  flags: ChangeFlags & { readonly settle: boolean },
): Promise<number> {
  return change(edge, services, flags, { recipe: 'promote', params: { settle: flags.settle } });
}

/** What a change begins with. */
interface Prepared {
  readonly session: Session;
  readonly shipment?: Shipment;
}

/**
 * Builds what is going to be deployed, and pushes it, or packs it for the hosts; gives the session at the commit, or the marked one,
 * that it is tagged with.
 */
async function buildFirst(
  configured: Session,
  voice: Voice,
  services: readonly string[],
  flags: DeployFlags & BuildFlags,
): Promise<Prepared> {
  const session = flags.pushOverSsh ? withoutRegistry(configured) : configured;
  // What gets its image by --image, or runs on other hosts, is not built.
  const images = flags.image ?? [];
  const chosen = chooseServices(session.environment.services, { services, only: flags.only, images });
  if (!chosen.some(({ image }) => image.kind === 'build')) {
    voice.reporter.warn('nothing of this deploy is built');
    return { session };
  }
  // What would keep the deploy from beginning is said before the work is done.
  await session.secrets.get([...new Set(chosen.flatMap(({ secrets }) => secrets))]);
  const { buildImages, buildTag } = await import('../build.js');
  const tag = await buildTag(session, flags);
  const hosts = flags.platform === undefined ? await platformsOf(session, voice, chosen) : [];
  const way = flags.pushOverSsh ? { push: false, skip: false } : { push: true, skip: true };
  const built = await buildImages(session, voice, chosen, tag, flags, { ...way, hosts });
  const tagged = tag.follows ? { ...session, commit: tag.tag } : session;
  if (!flags.pushOverSsh) return { session: tagged };
  const { pack } = await import('../shipment.js');
  return { session: tagged, shipment: await pack(tagged, voice, chosen, built) };
}

/** What the engines of the hosts run on. Throws the Failure of one that does not answer. */
async function platformsOf(
  session: Session,
  voice: Voice,
  services: readonly Service[],
): Promise<readonly string[]> {
  const done = busyOnTerminal(voice, `looking at ${session.environment.name}`);
  const field = await openField(session, services).finally(done);
  try {
    const [lost] = field.hosts.failures;
    if (lost !== undefined) throw lost;
    const versions = [...field.hosts.connected.values()].map(({ engine }) => engine.version());
    return (await Promise.all(versions)).map(({ platform }) => platform);
  } finally {
    await field.close();
  }
}

/** The session where what is built is called as the hosts will find it here. */
function withoutRegistry(session: Session): Session {
  const { environment } = session;
  const { name } = lentRegistry({ project: environment.project, environment: environment.name });
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
    throw new Failure('usage', 'arguments', `${flag} does nothing, and --build would build and push`, {
      hint: `oneclick build --push, then oneclick deploy ${flag}`,
    });
  if (pushOverSsh && platform?.includes(','))
    throw new Failure('usage', 'arguments', `only one platform travels over SSH, not ${platform}`, {
      hint: 'deploy to the hosts of each platform by itself: --only HOST --platform PLATFORM',
    });
  const [idle] = [
    pushOverSsh && '--push-over-ssh',
    dirty && '--dirty',
    !cache && '--no-cache',
    platform && '--platform',
  ].filter(Boolean);
  if (!build && idle !== undefined)
    throw new Failure('usage', 'arguments', `${idle} is about building`, { hint: 'add --build' });
}

interface RollbackFlags extends ChangeFlags {
  readonly to?: number;
  readonly currentSecrets: boolean;
  readonly settle: boolean;
}

/** `oneclick rollback`: the recipe `rollback`. */
export function rollback(edge: Edge, services: readonly string[], flags: RollbackFlags): Promise<number> {
  const { to, currentSecrets, settle } = flags;
  const params = { 'current-secrets': currentSecrets, settle, ...(to === undefined ? {} : { to }) };
  return change(edge, services, flags, { recipe: 'rollback', params });
}

/** A recipe, and what of a change is its own. */
interface Manner {
  readonly recipe: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What has to be done first, and what the change goes on with. */
  readonly before?: (session: Session, voice: Voice) => Promise<Prepared>;
  /** Narrows down what was named, and says how. */
  readonly choose?: (named: readonly Service[]) => {
    readonly services: readonly Service[];
    readonly words: readonly string[];
  };
  /** What to type when it is done, on services of these names. */
  readonly next?: (names: string) => string;
}

/** Carries out a recipe on services of the environment; throws usage failures for what the arguments cannot mean. */
export function change(
  edge: Edge,
  services: readonly string[],
  flags: ChangeFlags & Pick<DeployFlags, 'image' | 'tag'>,
  { recipe, params, before, choose, next }: Manner,
): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const configured = await openSession(edge, voice, flags);
    const { session, shipment }: Prepared = (await before?.(configured, voice)) ?? { session: configured };
    try {
      const named = chooseServices(session.environment.services, {
        services,
        only: flags.only,
        images: flags.image ?? [],
        ...(flags.tag === undefined ? {} : { tag: flags.tag }),
        ...(session.commit === undefined ? {} : { commit: session.commit }),
      });
      const { services: chosen, words } = choose?.(named) ?? { services: named, words: [] };
      for (const sentence of words) voice.reporter.note(sentence);
      const code = await perform(session, {
        recipe,
        services: chosen,
        beside: hostsBeside(session.environment.services, chosen),
        params: { ...params, ...(flags.batch === undefined ? {} : { batch: flags.batch }) },
        ...onlyShown(flags),
        ...cloudFor(chosen),
        wait: flags.wait,
        ...assent(voice, flags),
        ...(flags.onFailure === undefined ? {} : { onFailure: flags.onFailure }),
        ...(shipment === undefined ? {} : { shipment }),
      });
      const done = code === 0 && onlyShown(flags).only === undefined;
      if (next !== undefined && done) voice.reporter.note(next(chosen.map(({ name }) => name).join(' ')));
      return code;
    } finally {
      await shipment?.close();
    }
  });
}

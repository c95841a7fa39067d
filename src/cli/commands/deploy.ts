import type { BuildSettings } from '../../app/build/build-images.js';
import type { ImageTransfer } from '../../app/build/transfer.js';
import { chooseCanary } from '../../app/canary.js';
import { selectServices, untouchedHosts } from '../../app/choose-services.js';
import { withEnvironment } from '../../app/connect.js';
import type { Context } from '../../app/context.js';
import { openSession, type Session } from '../../app/session.js';
import { Failure } from '../../domain/failure.js';
import { atRegistry } from '../../domain/image.js';
import type { Service } from '../../domain/service.js';
import { transferRegistry } from '../../domain/transfer-registry.js';
import { type CommandOutput, confirmOption, withOutput } from '../command-output.js';
import { type ChangeFlags, onlyShown } from '../grammar/flags.js';
import { programOutput } from '../program-output.js';
import { runRecipeCommand } from '../recipe-command.js';

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
export function deploy(context: Context, services: readonly string[], flags: DeployFlags): Promise<number> {
  checkBuildFlags(flags);
  checkCanaryFlags(flags);
  const { adopt, build, canary, settle } = flags;
  const options: ChangeOptions =
    canary === undefined
      ? { recipe: 'deploy', params: { settle, ...(adopt === undefined ? {} : { adopt }) } }
      : {
          recipe: 'canary',
          params: {},
          choose: (named) => chooseCanary(named, canary),
          next: (names) => `then: oneclick promote ${names}, or oneclick rollback ${names}`,
        };
  return change(context, services, flags, {
    ...options,
    ...(build ? { before: (session, out) => buildFirst(session, out, services, flags) } : {}),
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
  context: Context,
  services: readonly string[],
  flags: ChangeFlags & { readonly settle: boolean },
): Promise<number> {
  return change(context, services, flags, { recipe: 'promote', params: { settle: flags.settle } });
}

/** What a change begins with. */
interface PreparedChange {
  readonly session: Session;
  readonly transfer?: ImageTransfer;
}

/**
 * Builds what is going to be deployed, and pushes it, or packs it for the hosts; gives the session at the commit, or the marked one,
 * that it is tagged with.
 */
async function buildFirst(
  configured: Session,
  out: CommandOutput,
  services: readonly string[],
  flags: DeployFlags & BuildSettings,
): Promise<PreparedChange> {
  const session = flags.pushOverSsh ? withoutRegistry(configured) : configured;
  // What gets its image by --image, or runs on other hosts, is not built.
  const images = flags.image ?? [];
  const chosen = selectServices(session.environment.services, { services, only: flags.only, images });
  if (!chosen.some(({ image }) => image.kind === 'build')) {
    out.reporter.warn('nothing of this deploy is built');
    return { session };
  }
  // What would keep the deploy from beginning is said before the work is done.
  await session.secrets.get([...new Set(chosen.flatMap(({ secrets }) => secrets))]);
  const { buildImages, buildTag } = await import('../../app/build/build-images.js');
  const tag = await buildTag(session, flags);
  const hosts = flags.platform === undefined ? await platformsOf(session, chosen) : [];
  const way = flags.pushOverSsh ? { push: false, skip: false } : { push: true, skip: true };
  const built = await buildImages(session, programOutput(out, flags, session.context), chosen, tag, flags, {
    ...way,
    hosts,
  });
  const tagged = tag.follows ? { ...session, commit: tag.tag } : session;
  if (!flags.pushOverSsh) return { session: tagged };
  const { packImages } = await import('../../app/build/transfer.js');
  return { session: tagged, transfer: await packImages(tagged, chosen, built) };
}

/** What the engines of the hosts run on. Throws the Failure of one that does not answer. */
async function platformsOf(session: Session, services: readonly Service[]): Promise<readonly string[]> {
  return withEnvironment(session, { services, brief: true }, async ({ hosts, ready }) => {
    ready();
    const [lost] = hosts.failures;
    if (lost !== undefined) throw lost;
    const versions = [...hosts.connected.values()].map(({ engine }) => engine.version());
    return (await Promise.all(versions)).map(({ platform }) => platform);
  });
}

/** The session where what is built is called as the hosts will find it here. */
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
export function rollback(
  context: Context,
  services: readonly string[],
  flags: RollbackFlags,
): Promise<number> {
  const { to, currentSecrets, settle } = flags;
  const params = { 'current-secrets': currentSecrets, settle, ...(to === undefined ? {} : { to }) };
  return change(context, services, flags, { recipe: 'rollback', params });
}

/** A recipe, and what of a change is its own. */
interface ChangeOptions {
  readonly recipe: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What has to be done first, and what the change goes on with. */
  readonly before?: (session: Session, out: CommandOutput) => Promise<PreparedChange>;
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
  context: Context,
  services: readonly string[],
  flags: ChangeFlags & Pick<DeployFlags, 'image' | 'tag'>,
  { recipe, params, before, choose, next }: ChangeOptions,
): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const configured = await openSession(context, out.reporter, flags);
    const { session, transfer }: PreparedChange = (await before?.(configured, out)) ?? {
      session: configured,
    };
    try {
      const named = selectServices(session.environment.services, {
        services,
        only: flags.only,
        images: flags.image ?? [],
        ...(flags.tag === undefined ? {} : { tag: flags.tag }),
        ...(session.commit === undefined ? {} : { commit: session.commit }),
      });
      const { services: chosen, words } = choose?.(named) ?? { services: named, words: [] };
      for (const sentence of words) out.reporter.note(sentence);
      const code = await runRecipeCommand(out, session, {
        recipe,
        services: chosen,
        untouchedHosts: untouchedHosts(session.environment.services, chosen),
        params: { ...params, ...(flags.batch === undefined ? {} : { batch: flags.batch }) },
        ...onlyShown(flags),
        wait: flags.wait,
        ...confirmOption(out, flags),
        ...(flags.onFailure === undefined ? {} : { onFailure: flags.onFailure }),
        ...(transfer === undefined ? {} : { transfer }),
      });
      const done = code === 0 && onlyShown(flags).dryRun === undefined;
      if (next !== undefined && done) out.reporter.note(next(chosen.map(({ name }) => name).join(' ')));
      return code;
    } finally {
      await transfer?.close();
    }
  });
}

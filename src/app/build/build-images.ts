import { join } from 'node:path';
import { localFiles } from '../../config/files.js';
import { Failure } from '../../domain/failure.js';
import { parseImage } from '../../domain/image.js';
import { loginCommand, type RegistryError, registryError } from '../../domain/registry-error.js';
import type { ImageSource, Service } from '../../domain/service.js';
import type { Session } from '../session.js';
import { type DockerCli, openDocker, type ProgramResult } from './docker-cli.js';
import { revisionOf } from './revision.js';
import { secretFiles, secretFilesWarning } from './secret-files.js';

/** The options of a build. */
export interface BuildSettings {
  readonly tag?: string;
  readonly platform?: string;
  readonly cache: boolean;
  readonly dirty: boolean;
}

/** Shows the output of docker. */
export interface ProgramOutput {
  /** Whether docker may use the terminal directly. */
  readonly canUseTerminal: boolean;
  /** Returns the text with secrets and escapes removed. */
  safe(text: string): string;
  /** Shows lines below a title until `end` is called. */
  group(title: string): { line(text: string): void; end(): void };
}

type BuildSource = Extract<ImageSource, { kind: 'build' }>;

/** An image to build, and the services that run it. */
export interface BuildTarget {
  readonly services: readonly string[];
  readonly reference: string;
  readonly source: BuildSource;
}

/** The result of a {@link BuildTarget}. `there`: it was in the registry already. */
export interface Built {
  readonly services: readonly string[];
  readonly reference: string;
  readonly result: 'built' | 'there';
  readonly pushed: boolean;
}

/** The images to build. */
export interface BuildRequest {
  readonly services: readonly Service[];
  readonly tag: BuildTag;
  readonly settings: BuildSettings;
  readonly push: boolean;
  /** Skip images of this commit that are in the registry. */
  readonly skip: boolean;
  /** The platforms of the hosts; used if `--platform` is not given. */
  readonly hosts?: readonly string[];
}

/** A tag, and whether it was derived from the commit instead of chosen. */
export interface BuildTag {
  readonly tag: string;
  readonly isCommit: boolean;
}

/** Returns the tag of the flags, or that of the commit. */
export async function buildTag(
  { project, context, commit }: Session,
  settings: BuildSettings,
): Promise<BuildTag> {
  if (settings.tag !== undefined) return { tag: settings.tag, isCommit: false };
  const tag = await revisionOf({ folder: project.folder, commit }, context.env, settings.dirty);
  return { tag, isCommit: true };
}

/** Returns the images to build for the services. Throws a usage Failure if two different builds share a name. */
export function targetsOf(services: readonly Service[], tag: string): readonly BuildTarget[] {
  const targets = new Map<string, BuildTarget>();
  for (const { name, image } of services) {
    if (image.kind !== 'build') continue;
    const reference = `${image.repository}:${tag}`;
    parseImage(reference);
    const known = targets.get(reference);
    if (known !== undefined && JSON.stringify(known.source) !== JSON.stringify(image))
      throw new Failure(
        'usage',
        'build.twice',
        `${known.services.join(', ')} and ${name} build ${reference} from different sources`,
        { hint: 'set another image: next to build: for one of them' },
      );
    targets.set(reference, { services: [...(known?.services ?? []), name], reference, source: image });
  }
  return [...targets.values()];
}

/** Builds images one after the other, and pushes them if requested. Throws Failures of docker, git and the builds. */
export async function buildImages(
  session: Session,
  out: ProgramOutput,
  { services, tag: { tag, isCommit }, settings, push, skip: skipPushed, hosts = [] }: BuildRequest,
): Promise<readonly Built[]> {
  const targets = targetsOf(services, tag);
  if (targets.length === 0) return [];
  const done = session.listener.busy('checking docker', { brief: true });
  const cli = await openDocker({ cwd: session.project.folder, env: session.context.env }).finally(done);
  await warnOfSecretFiles(session, cli, targets);
  const platform = settings.platform ?? platformFor(hosts, cli.platform);
  const flags = platform === undefined ? settings : { ...settings, platform };
  for (const { source, services: names } of targets) if (source.secrets?.length) requireBuildKit(cli, names);
  const secrets = await session.secrets.get(targets.flatMap(({ source }) => source.secrets ?? []));
  const built: Built[] = [];
  for (const target of targets) {
    const skip = skipPushed && mayBePushed(session, target, flags, isCommit);
    const pushedBefore = skip && (await isInRegistry(cli, session, target));
    if (!pushedBefore) await buildOne({ cli, session, out, flags, secrets }, target, push);
    built.push({
      services: target.services,
      reference: target.reference,
      result: pushedBefore ? 'there' : 'built',
      pushed: push && !pushedBefore,
    });
  }
  return built;
}

async function warnOfSecretFiles(
  { context, environment, project: { folder }, listener }: Session,
  { builder }: DockerCli,
  targets: readonly BuildTarget[],
): Promise<void> {
  const isBuildKit = builder !== 'classic';
  const request = { folder, environment: environment.name, targets, files: localFiles, isBuildKit };
  for (const found of await secretFiles(request)) listener.warn(secretFilesWarning(found, context.cwd));
}

/** Returns the platform to build for; undefined if it is docker's own. Throws a usage Failure for several. */
export function platformFor(hosts: readonly string[], own: string): string | undefined {
  const platforms = [...new Set(hosts)].sort();
  const [first] = platforms;
  if (platforms.length > 1)
    throw new Failure(
      'usage',
      'build.platforms',
      `the hosts have different platforms: ${platforms.join(', ')}`,
      {
        hint: `deploy to the hosts of each platform separately: --only HOST --platform ${first}`,
      },
    );
  return first === own ? undefined : first;
}

interface BuildContext {
  readonly cli: DockerCli;
  readonly session: Session;
  readonly out: ProgramOutput;
  readonly flags: BuildSettings;
  readonly secrets: ReadonlyMap<string, string>;
}

async function buildOne(context: BuildContext, target: BuildTarget, push: boolean): Promise<void> {
  const { cli, flags, secrets } = context;
  const names = target.services.join(', ');
  const onTerminal = usesTerminal(context, target);
  const own = (target.source.secrets ?? []).map((name) => [name, secrets.get(name) ?? ''] as const);
  const build = {
    argv: buildArguments(target, { builder: cli.builder, flags, plain: !onTerminal }),
    env: Object.fromEntries(own),
  };
  const result = await runDocker(context, onTerminal, `build ${names}: ${target.reference}`, build);
  if (result.code !== 0) throw buildFailure(target.services, result);
  if (!push) return;
  const pushed = await runDocker(context, onTerminal, `push ${target.reference}`, {
    argv: ['push', target.reference],
  });
  if (pushed.code !== 0) throw pushFailure(target.reference, pushed);
}

/** Returns the arguments of `docker` that build an image. Contains secrets by name only. */
export function buildArguments(
  { source, reference }: BuildTarget,
  {
    builder,
    flags,
    plain,
  }: {
    readonly builder: DockerCli['builder'];
    readonly flags: Pick<BuildSettings, 'platform' | 'cache'>;
    readonly plain: boolean;
  },
): readonly string[] {
  const { context, dockerfile, target, args = {}, secrets = [] } = source;
  return [
    'build',
    ...['--tag', reference],
    ...(dockerfile === undefined ? [] : ['--file', join(context, dockerfile)]),
    ...(target === undefined ? [] : ['--target', target]),
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...secrets.flatMap((name) => ['--secret', `id=${name},env=${name}`]),
    ...(flags.platform === undefined ? [] : ['--platform', flags.platform]),
    ...(flags.cache ? [] : ['--no-cache']),
    ...(plain && builder !== 'classic' ? ['--progress', 'plain'] : []),
    // Otherwise a failed step leaves its container.
    ...(builder === 'classic' ? ['--force-rm'] : []),
    // Otherwise custom builders do not load the image into Docker.
    ...(builder === 'buildx' ? ['--load'] : []),
    context,
  ];
}

/** Whether docker uses the terminal; not for builds with secrets, whose output is redacted. */
function usesTerminal({ out }: BuildContext, { source }: BuildTarget): boolean {
  return out.canUseTerminal && !source.secrets?.length;
}

/** Runs docker on the terminal, or shows its output line by line. */
async function runDocker(
  { cli, session, out }: BuildContext,
  onTerminal: boolean,
  title: string,
  command: { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>> },
): Promise<ProgramResult> {
  if (onTerminal) {
    session.listener.note(title);
    return cli.watch(command);
  }
  const { line, end } = out.group(title);
  const result = await cli.watch({ ...command, onLine: line }).finally(end);
  return { ...result, lines: result.lines.map(out.safe) };
}

async function isInRegistry(
  cli: DockerCli,
  { listener }: Session,
  { reference }: BuildTarget,
): Promise<boolean> {
  const done = listener.busy(`checking for ${reference}`, { brief: true });
  const pushedBefore = await cli.has(reference).finally(done);
  if (pushedBefore) listener.note(`${reference} is already in the registry`);
  return pushedBefore;
}

/** Whether an image of this name in the registry can be used instead of a new build. */
export function mayBePushed(
  session: Session,
  target: BuildTarget,
  { platform, cache }: BuildSettings,
  isCommit: boolean,
): boolean {
  return isCommit && cache && platform === undefined && isReproducible(session, target);
}

/** Whether the commit determines the image: no environment or variable changes its build. */
function isReproducible({ project: { config: written } }: Session, { services }: BuildTarget): boolean {
  const environments = Object.values(written.environments ?? {});
  return services.every((name) => {
    const { args = {} } = written.services[name]?.build ?? {};
    const variable = Object.values(args ?? {}).some((value) => value?.includes('$') === true);
    const changed = environments.some((environment) => environment?.services?.[name]?.build);
    return !variable && !changed;
  });
}

function requireBuildKit({ builder }: DockerCli, names: readonly string[]): void {
  if (builder !== 'classic') return;
  throw new Failure(
    'failed',
    'build.buildkit',
    `build secrets of ${names.join(', ')} require BuildKit, which this docker lacks`,
    { hint: 'install buildx: apt-get install docker-buildx (or docker-buildx-plugin)' },
  );
}

function buildFailure(services: readonly string[], { code, lines }: ProgramResult): Failure {
  const message = `cannot build ${services.join(', ')}: docker exited with code ${code}`;
  const denied = baseImageError(lines);
  return denied?.kind === 'access'
    ? new Failure('access', denied.code, message, { evidence: lines, hint: denied.hint })
    : new Failure('failed', 'build.failed', message, {
        evidence: lines,
        hint: `fix the build, then run: oneclick build ${services.join(' ')}`,
      });
}

/** The error of a registry for an image that the build starts from; other lines are those of the build's own programs. */
function baseImageError(lines: readonly string[]): RegistryError | undefined {
  for (const line of lines) {
    const [, image, words = ''] = /failed to resolve source metadata for (\S+): (.*)/.exec(line) ?? [];
    if (image !== undefined) return registryError(words, image);
    if (/error getting credentials/.test(line)) return registryError(line, 'docker.io');
  }
  return undefined;
}

function pushFailure(reference: string, { code, lines }: ProgramResult): Failure {
  const known = registryError(lines.join('\n'), reference);
  const { registry } = parseImage(reference);
  const message = `cannot push ${reference}: docker exited with code ${code}`;
  if (known?.kind !== 'access')
    return new Failure('failed', 'push.failed', message, {
      evidence: lines,
      hint: `check ${registry} and the network between it and your Docker engine`,
    });
  const hint = known.code === 'image.access' ? loginCommand(registry) : known.hint;
  return new Failure('access', 'push.denied', message, { evidence: lines, hint });
}

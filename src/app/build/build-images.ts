import { join } from 'node:path';
import { Failure } from '../../domain/failure.js';
import { parseImage } from '../../domain/image.js';
import type { ImageSource, Service } from '../../domain/service.js';
import type { Session } from '../session.js';
import { type DockerCli, type Ended, openDocker } from './docker-cli.js';
import { revisionOf } from './revision.js';

/** How images are built. */
export interface BuildSettings {
  readonly tag?: string;
  readonly platform?: string;
  readonly cache: boolean;
  readonly dirty: boolean;
}

/** Where docker is shown at work. */
export interface ProgramOutput {
  /** Whether docker may draw on the terminal itself. */
  readonly draws: boolean;
  /** The text as it may be shown. */
  safe(text: string): string;
  /** Shows lines under a title, until `end`. */
  begin(title: string): { line(text: string): void; end(): void };
}

type BuildSource = Extract<ImageSource, { kind: 'build' }>;

/** An image that is built, and the services that run it. */
export interface BuildTarget {
  readonly services: readonly string[];
  readonly reference: string;
  readonly source: BuildSource;
}

/** What became of a {@link BuildTarget}. `there`: the registry has it already. */
export interface Built {
  readonly services: readonly string[];
  readonly reference: string;
  readonly result: 'built' | 'there';
  readonly pushed: boolean;
}

export interface BuildOptions {
  readonly push: boolean;
  /** Leave out what the registry has of this commit. */
  readonly skip: boolean;
  /** What the hosts run on, which decides where nobody has said it. */
  readonly hosts?: readonly string[];
}

/** The tag of what is built, and whether it is that of a commit and not one of somebody's choice. */
export interface BuildTag {
  readonly tag: string;
  readonly follows: boolean;
}

/** The tag that was asked for, or the commit's. */
export async function buildTag(
  { project, context, commit }: Session,
  flags: BuildSettings,
): Promise<BuildTag> {
  if (flags.tag !== undefined) return { tag: flags.tag, follows: false };
  const tag = await revisionOf({ folder: project.folder, commit }, context.env, flags.dirty);
  return { tag, follows: true };
}

/** What there is to build of these services. Throws a usage Failure for two that are built differently under one name. */
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
        `${known.services.join(', ')} and ${name} are built differently, and both are ${reference}`,
        { hint: `give one of them another name: image, beside build` },
      );
    targets.set(reference, { services: [...(known?.services ?? []), name], reference, source: image });
  }
  return [...targets.values()];
}

/** Builds, one after the other, and pushes where that was asked for. Throws Failures: of docker, of git, of a build that failed. */
export async function buildImages(
  session: Session,
  out: ProgramOutput,
  services: readonly Service[],
  { tag, follows }: BuildTag,
  given: BuildSettings,
  options: BuildOptions,
): Promise<readonly Built[]> {
  const targets = targetsOf(services, tag);
  if (targets.length === 0) return [];
  const done = session.listener.busy('looking at docker', { brief: true });
  const cli = await openDocker({ cwd: session.project.folder, env: session.context.env }).finally(done);
  const platform = given.platform ?? platformFor(options.hosts ?? [], cli.platform);
  const flags = platform === undefined ? given : { ...given, platform };
  for (const { source, services: names } of targets) if (source.secrets?.length) needBuildKit(cli, names);
  const secrets = await session.secrets.get(targets.flatMap(({ source }) => source.secrets ?? []));
  const built: Built[] = [];
  for (const target of targets) {
    const skip = options.skip && follows && flags.platform === undefined && isSettled(session, target);
    const there = skip && flags.cache && (await lookFor(cli, session, target));
    if (!there) await buildOne({ cli, session, out, flags, secrets }, target, options.push);
    built.push({
      services: target.services,
      reference: target.reference,
      result: there ? 'there' : 'built',
      pushed: options.push && !there,
    });
  }
  return built;
}

/** What docker has to be told to build for these hosts; nothing where it does so by itself. */
export function platformFor(hosts: readonly string[], own: string): string | undefined {
  const platforms = [...new Set(hosts)].sort();
  const [first] = platforms;
  if (platforms.length > 1)
    throw new Failure(
      'usage',
      'build.platforms',
      `the hosts are of several platforms: ${platforms.join(', ')}`,
      {
        hint: `deploy to those of each by themselves: --only HOST --platform ${first}`,
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
  const drawn = draws(context, target);
  const own = (target.source.secrets ?? []).map((name) => [name, secrets.get(name) ?? ''] as const);
  const build = {
    argv: buildArguments(target, { builder: cli.builder, flags, plain: !drawn }),
    env: Object.fromEntries(own),
  };
  const ended = await show(context, drawn, `build ${names}: ${target.reference}`, build);
  if (ended.code !== 0)
    throw new Failure('failed', 'build.failed', `${names} was not built (exit code ${ended.code})`, {
      evidence: ended.lines,
      hint: `mend it, then: oneclick build ${target.services.join(' ')}`,
    });
  if (!push) return;
  const pushed = await show(context, drawn, `push ${target.reference}`, {
    argv: ['push', target.reference],
  });
  if (pushed.code !== 0) throw pushFailure(target.reference, pushed);
}

/** The words after `docker` that build an image. Secrets are in them by their names only. */
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
    // It would leave the container of a step that fails.
    ...(builder === 'classic' ? ['--force-rm'] : []),
    // Builders of their own keep what they build to themselves.
    ...(builder === 'buildx' ? ['--load'] : []),
    context,
  ];
}

/** Whether docker draws for itself; a build with secrets never does, so that they can be redacted. */
function draws({ out }: BuildContext, { source }: BuildTarget): boolean {
  return out.draws && !source.secrets?.length;
}

/** Shows docker at work, as it draws or line by line. */
async function show(
  { cli, session, out }: BuildContext,
  drawn: boolean,
  title: string,
  command: { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>> },
): Promise<Ended> {
  if (drawn) {
    session.listener.note(title);
    return cli.watch(command);
  }
  const { line, end } = out.begin(title);
  const ended = await cli.watch({ ...command, onLine: line }).finally(end);
  return { ...ended, lines: ended.lines.map(out.safe) };
}

async function lookFor(cli: DockerCli, { listener }: Session, { reference }: BuildTarget): Promise<boolean> {
  const done = listener.busy(`looking for ${reference}`, { brief: true });
  const there = await cli.has(reference).finally(done);
  if (there) listener.note(`${reference} is in the registry already`);
  return there;
}

/**
 * Whether a commit says all that an image is made of: no environment changes how it is built, and no variable of the caller is in it.
 */
function isSettled({ project: { config: written } }: Session, { services }: BuildTarget): boolean {
  const environments = Object.values(written.environments ?? {});
  return services.every((name) => {
    const { args = {} } = written.services[name]?.build ?? {};
    const variable = Object.values(args ?? {}).some((value) => value?.includes('$') === true);
    const changed = environments.some((environment) => environment?.services?.[name]?.build);
    return !variable && !changed;
  });
}

function needBuildKit({ builder }: DockerCli, names: readonly string[]): void {
  if (builder !== 'classic') return;
  throw new Failure(
    'failed',
    'build.buildkit',
    `${names.join(', ')} has build secrets, and this docker has no BuildKit`,
    { hint: 'install buildx: apt-get install docker-buildx, or docker-buildx-plugin' },
  );
}

function pushFailure(reference: string, { code, lines }: Ended): Failure {
  const denied = /denied|unauthorized|authentication required|no basic auth/i.test(lines.join('\n'));
  const { registry } = parseImage(reference);
  const message = `${reference} was not pushed (exit code ${code})`;
  return denied
    ? new Failure('access', 'push.denied', message, { evidence: lines, hint: `docker login ${registry}` })
    : new Failure('failed', 'push.failed', message, {
        evidence: lines,
        hint: `look at ${registry} and at the network between it and this machine's engine`,
      });
}

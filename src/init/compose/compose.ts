import { basename, dirname, posix, relative, resolve } from 'node:path';
import { type Files, shortPath } from '../../config/files.js';
import { Failure } from '../../domain/failure.js';
import { nearest } from '../../domain/nearest.js';
import { invalid } from '../../domain/problem.js';
import { readSource } from '../../domain/source.js';
import { Annotated, type DraftService, type SkippedKey } from '../draft.js';
import { nameFrom } from '../names.js';
import { assignmentsIn } from '../variables.js';
import { ComposeNode } from './compose-node.js';
import { completedJobs, type Job } from './jobs.js';
import { dropPortConflicts } from './ports.js';
import { convertService } from './service.js';
import { type ComposeContext, type EnvFile, ServiceBuilder } from './service-builder.js';

/** A compose file converted to the services of `oneclick.yml`. */
export interface ConvertedCompose {
  /** `name:` */
  readonly project?: Annotated;
  readonly services: ReadonlyMap<string, Annotated>;
  readonly skipped: readonly SkippedKey[];
}

const code = 'compose.invalid';

/**
 * Converts a compose file and the environment files that it references. Throws a usage failure: `compose.missing`, or
 * `compose.invalid` with every problem.
 */
export async function readCompose(files: Files, cwd: string, path: string): Promise<ConvertedCompose> {
  const full = resolve(cwd, path);
  const text = await files.read(full);
  if (text === undefined) {
    const near = nearest(basename(path), await files.list(dirname(full)));
    throw new Failure('usage', 'compose.missing', `no such file: ${path}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const source = readSource(shortPath(full, cwd), text, code);
  if (source.problems.length > 0) throw invalid(source.problems, code);
  const root = ComposeNode.of(source);
  const services = root.get('services');
  if (services === undefined || !services.isMap || services.entries.size === 0)
    throw invalid([source.problem(['services'], 'not a Compose file: services is missing')], code);
  for (const one of services.entries.values())
    if (!one.isMap)
      throw invalid([source.problem(one.path, `${one.key} must be a mapping`, { end: 'key' })], code);
  const envFiles = await readEnvFiles(files, dirname(full), services);
  const folder = relative(cwd, dirname(full)).replaceAll('\\', '/') || '.';
  return compose(root, services, { folder, envFiles });
}

function compose(
  root: ComposeNode,
  all: ComposeNode,
  { folder, envFiles }: Omit<ComposeContext, 'names'>,
): ConvertedCompose {
  const skipped: SkippedKey[] = skippedAtTop(root);
  const jobs = completedJobs(all, skipped);
  const kept = [...all.entries].filter(([name]) => !jobs.has(name) && !inProfile(all, name, skipped));
  const names = namesOf(kept, skipped);
  const builders = kept.flatMap(([composeName, node]) => {
    const name = names.get(composeName);
    if (name === undefined) return [];
    const builder = buildService(name, node, { folder, envFiles, names });
    const job = [...jobs.values()].find(({ dependent }) => dependent === composeName);
    if (job !== undefined) addJob(builder, job);
    return [builder];
  });
  dropPortConflicts(builders);
  const services = new Map<string, Annotated>();
  for (const { name, keys, service, skipped: own } of builders) {
    skipped.push(...own);
    if (keys.image === undefined && keys.build === undefined)
      skipped.push(service.skipped('skipped: it has no image or build'));
    else services.set(name, new Annotated(keys satisfies DraftService, '', service.location));
  }
  if (services.size === 0) throw nothingToDeploy(all, skipped);
  dropMissingNeeds(services);
  const name = root.get('name');
  const project = nameFrom(name?.text ?? '');
  return {
    services,
    skipped: mergeDuplicates(skipped),
    ...(name === undefined || project === undefined
      ? {}
      : { project: new Annotated(project, 'name', name.location) }),
  };
}

function buildService(name: string, service: ComposeNode, context: ComposeContext): ServiceBuilder {
  const builder = new ServiceBuilder(name, service, context);
  convertService(builder);
  return builder;
}

function addJob(builder: ServiceBuilder, { service }: Job): void {
  const { command } = buildService(builder.name, service, builder.context).keys;
  if (command !== undefined)
    builder.keys.release_command = new Annotated(
      command,
      'runs before this service starts',
      service.location,
    );
}

/** Lists why each service was skipped. */
function nothingToDeploy({ source, path }: ComposeNode, skipped: readonly SkippedKey[]): Failure {
  const rows = source.text.split(/\r?\n/);
  const reasons = skipped.map(({ key, message, ...position }) => ({
    ...position,
    text: rows[position.line - 1] ?? '',
    message: `${key}: ${message}`,
  }));
  return invalid([source.problem(path, 'no service can be deployed', { end: 'key' }), ...reasons], code);
}

/** Sorts by position and merges keys that several services inherit from one place. */
function mergeDuplicates(skipped: readonly SkippedKey[]): readonly SkippedKey[] {
  const places = new Map<string, SkippedKey[]>();
  for (const one of skipped) {
    const key = `${one.line}:${one.column}:${one.message}`;
    places.set(key, [...(places.get(key) ?? []), one]);
  }
  return [...places.values()]
    .flatMap(([first, ...more]) => {
      if (first === undefined) return [];
      return more.length === 0 ? [first] : [{ ...first, key: `${first.key} and ${more.length} more` }];
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Removes needs of skipped services. */
function dropMissingNeeds(services: ReadonlyMap<string, Annotated>): void {
  for (const { value } of services.values()) {
    const keys = value as Record<string, unknown>;
    const knownKeys = ((keys.needs ?? []) as readonly string[]).filter((name) => services.has(name));
    if (knownKeys.length > 0) keys.needs = knownKeys;
    else delete keys.needs;
  }
}

const known = new Set(['version', 'name', 'services', 'volumes', 'networks']);

function skippedAtTop(root: ComposeNode): SkippedKey[] {
  const skipped: SkippedKey[] = [];
  for (const [key, node] of root.entries) {
    if (known.has(key) || key.startsWith('x-')) continue;
    skipped.push(
      node.skipped(
        key === 'include'
          ? 'not supported: pass the output of `docker compose config` instead'
          : key === 'secrets' || key === 'configs'
            ? 'files are not copied to servers: use variables, or add them to the image'
            : 'not supported',
      ),
    );
  }
  const volumes = root.get('volumes');
  if (volumes !== undefined && volumes.entries.size > 0)
    skipped.push(volumes.skipped('names are kept, data is not: oneclick creates new volumes'));
  for (const volume of volumes?.entries.values() ?? [])
    for (const [key, part] of volume.entries)
      if (!key.startsWith('x-') && !['labels', 'name', 'external'].includes(key))
        skipped.push(part.skipped('volumes are created without options'));
  const networks = [...(root.get('networks')?.entries ?? [])].filter(([name]) => name !== 'default');
  if (networks.length > 0)
    skipped.push((root.get('networks') ?? root).skipped('services on a host share one network'));
  return skipped;
}

function inProfile(all: ComposeNode, name: string, skipped: SkippedKey[]): boolean {
  const profiles = all.get(name)?.get('profiles');
  if (profiles === undefined || profiles.items.length === 0) return false;
  skipped.push(profiles.skipped(`${name} is skipped: it runs only with a profile`));
  return true;
}

/** Maps compose names to valid names; skips invalid names and duplicates. */
function namesOf(
  services: readonly (readonly [string, ComposeNode])[],
  skipped: SkippedKey[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [composeName, node] of services) {
    const name = nameFrom(composeName);
    if (name === undefined || [...names.values()].includes(name))
      skipped.push(node.skipped(`"${composeName}" cannot be used as a service name`));
    else {
      names.set(composeName, name);
      if (name !== composeName)
        skipped.push(node.skipped(`renamed to ${name}: other services must use this name`));
    }
  }
  return names;
}

async function readEnvFiles(
  files: Files,
  folder: string,
  services: ComposeNode,
): Promise<ReadonlyMap<string, EnvFile>> {
  const found = new Map<string, EnvFile>();
  const named = [...services.entries.values()].flatMap((service) => {
    const file = service.get('env_file');
    return file === undefined ? [] : file.isMap ? [file] : file.items;
  });
  const paths = new Set(named.flatMap((at) => (at.get('path') ?? at).text ?? []));
  for (const path of [...paths].slice(0, 100)) {
    const file = await readEnvFileOrExample(files, folder, path);
    if (file !== undefined) found.set(path, file);
  }
  return found;
}

/** Reads the file, or its example if it is missing. */
async function readEnvFileOrExample(
  files: Files,
  folder: string,
  path: string,
): Promise<EnvFile | undefined> {
  for (const candidate of [path, `${path}.example`, `${path}.sample`]) {
    try {
      const text = await files.read(resolve(folder, candidate));
      if (text === undefined) continue;
      const example = /\.(?:example|sample|template|dist)$/.test(posix.basename(candidate));
      return { file: candidate, values: assignmentsIn(candidate, text), example };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return undefined;
}

import { basename, dirname, posix, relative, resolve } from 'node:path';
import { type Files, shortPath } from '../../config/files.js';
import { Failure } from '../../domain/failure.js';
import { nearest } from '../../domain/nearest.js';
import { invalid } from '../../domain/problem.js';
import { readSource } from '../../domain/source.js';
import { type DraftService, type Left, Noted } from '../draft.js';
import { nameFrom } from '../names.js';
import { assignmentsIn } from '../variables.js';
import { Cursor } from './cursor.js';
import { completedJobs, type Job } from './jobs.js';
import { refuseTakenPorts } from './ports.js';
import { carryService } from './service.js';
import { type EnvFile, Sheet, type Surroundings } from './sheet.js';

/** What a compose file comes to. */
export interface Composed {
  /** `name:` */
  readonly project?: Noted;
  readonly services: ReadonlyMap<string, Noted>;
  readonly left: readonly Left[];
}

const code = 'compose.invalid';

/**
 * Reads a compose file of the project in `cwd` and the environment files that it names. Throws usage failures: `compose.missing`, and
 * `compose.invalid` with the places.
 */
export async function readCompose(files: Files, cwd: string, path: string): Promise<Composed> {
  const full = resolve(cwd, path);
  const text = await files.read(full);
  if (text === undefined) {
    const near = nearest(basename(path), await files.list(dirname(full)));
    throw new Failure('usage', 'compose.missing', `there is no file ${path}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const source = readSource(shortPath(full, cwd), text, code);
  if (source.problems.length > 0) throw invalid(source.problems, code);
  const root = Cursor.of(source);
  const services = root.get('services');
  if (services === undefined || !services.isMap || services.entries.size === 0)
    throw invalid([source.problem(['services'], 'no services: this is not a compose file')], code);
  for (const one of services.entries.values())
    if (!one.isMap)
      throw invalid([source.problem(one.path, `${one.key}: a service is a map`, { end: 'key' })], code);
  const envFiles = await readEnvFiles(files, dirname(full), services);
  const folder = relative(cwd, dirname(full)).replaceAll('\\', '/') || '.';
  return compose(root, services, { folder, envFiles });
}

function compose(root: Cursor, all: Cursor, { folder, envFiles }: Omit<Surroundings, 'names'>): Composed {
  const left: Left[] = leftAtTop(root);
  const jobs = completedJobs(all, left);
  const kept = [...all.entries].filter(([name]) => !jobs.has(name) && !inProfile(all, name, left));
  const names = namesOf(kept, left);
  const sheets = kept.flatMap(([written, cursor]) => {
    const name = names.get(written);
    if (name === undefined) return [];
    const sheet = sheetOf(name, cursor, { folder, envFiles, names });
    const job = [...jobs.values()].find(({ before }) => before === written);
    if (job !== undefined) addJob(sheet, job);
    return [sheet];
  });
  refuseTakenPorts(sheets);
  const services = new Map<string, Noted>();
  for (const { name, keys, service, left: unfit } of sheets) {
    left.push(...unfit);
    if (keys.image === undefined && keys.build === undefined)
      left.push(service.left('is left out: it has neither image nor build'));
    else services.set(name, new Noted(keys satisfies DraftService, '', service.where));
  }
  if (services.size === 0) throw nothingLeft(all, left);
  forgetNeeds(services);
  const name = root.get('name');
  const project = nameFrom(name?.text ?? '');
  return {
    services,
    left: once(left),
    ...(name === undefined || project === undefined
      ? {}
      : { project: new Noted(project, 'name', name.where) }),
  };
}

function sheetOf(name: string, service: Cursor, surroundings: Surroundings): Sheet {
  const sheet = new Sheet(name, service, surroundings);
  carryService(sheet);
  return sheet;
}

function addJob(sheet: Sheet, { service }: Job): void {
  const { command } = sheetOf(sheet.name, service, sheet.surroundings).keys;
  if (command !== undefined)
    sheet.keys.release_command = new Noted(command, 'runs to its end before', service.where);
}

/** Why no service can be deployed: what was left of all of them. */
function nothingLeft({ source, path }: Cursor, left: readonly Left[]): Failure {
  const rows = source.text.split(/\r?\n/);
  const reasons = left.map(({ key, message, ...place }) => ({
    ...place,
    text: rows[place.line - 1] ?? '',
    message: `${key}: ${message}`,
  }));
  return invalid([source.problem(path, 'no service that can be deployed', { end: 'key' }), ...reasons], code);
}

/** In the order of the text; what several services have from one place is said once. */
function once(left: readonly Left[]): readonly Left[] {
  const places = new Map<string, Left[]>();
  for (const one of left) {
    const place = `${one.line}:${one.column}:${one.message}`;
    places.set(place, [...(places.get(place) ?? []), one]);
  }
  return [...places.values()]
    .flatMap(([first, ...more]) => {
      if (first === undefined) return [];
      return more.length === 0 ? [first] : [{ ...first, key: `${first.key} and ${more.length} more` }];
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Services that were left out are nothing to wait for. */
function forgetNeeds(services: ReadonlyMap<string, Noted>): void {
  for (const { value } of services.values()) {
    const keys = value as Record<string, unknown>;
    const known = ((keys.needs ?? []) as readonly string[]).filter((name) => services.has(name));
    if (known.length > 0) keys.needs = known;
    else delete keys.needs;
  }
}

const known = new Set(['version', 'name', 'services', 'volumes', 'networks']);

function leftAtTop(root: Cursor): Left[] {
  const left: Left[] = [];
  for (const [key, cursor] of root.entries) {
    if (known.has(key) || key.startsWith('x-')) continue;
    left.push(
      cursor.left(
        key === 'include'
          ? 'is not followed: give init the output of `docker compose config`'
          : key === 'secrets' || key === 'configs'
            ? 'files are not copied to servers: use variables, or the image'
            : `oneclick.yml has nothing like ${key}`,
      ),
    );
  }
  const volumes = root.get('volumes');
  if (volumes !== undefined && volumes.entries.size > 0)
    left.push(volumes.left('the names are kept, not the data: oneclick makes volumes of its own'));
  for (const volume of volumes?.entries.values() ?? [])
    for (const [key, part] of volume.entries)
      if (!key.startsWith('x-') && !['labels', 'name', 'external'].includes(key))
        left.push(part.left('volumes are made without options'));
  const networks = [...(root.get('networks')?.entries ?? [])].filter(([name]) => name !== 'default');
  if (networks.length > 0)
    left.push((root.get('networks') ?? root).left('services of a host share one network'));
  return left;
}

function inProfile(all: Cursor, name: string, left: Left[]): boolean {
  const profiles = all.get(name)?.get('profiles');
  if (profiles === undefined || profiles.items.length === 0) return false;
  left.push(profiles.left(`${name} is left out: it runs only with a profile`));
  return true;
}

/** Names by the names in the compose file; none for two of one name. */
function namesOf(
  services: readonly (readonly [string, Cursor])[],
  left: Left[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [written, cursor] of services) {
    const name = nameFrom(written);
    if (name === undefined || [...names.values()].includes(name))
      left.push(cursor.left(`"${written}" cannot be a name here`));
    else {
      names.set(written, name);
      if (name !== written)
        left.push(cursor.left(`is called ${name} here, also by the services that reach it`));
    }
  }
  return names;
}

async function readEnvFiles(
  files: Files,
  folder: string,
  services: Cursor,
): Promise<ReadonlyMap<string, EnvFile>> {
  const found = new Map<string, EnvFile>();
  const named = [...services.entries.values()].flatMap((service) => {
    const file = service.get('env_file');
    return file === undefined ? [] : file.isMap ? [file] : file.items;
  });
  const paths = new Set(named.flatMap((at) => (at.get('path') ?? at).text ?? []));
  for (const path of [...paths].slice(0, 100)) {
    const file = await readEnvFileNear(files, folder, path);
    if (file !== undefined) found.set(path, file);
  }
  return found;
}

/** The file, or the example that stands in for it. */
async function readEnvFileNear(files: Files, folder: string, path: string): Promise<EnvFile | undefined> {
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

import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type Files, shortPath } from '../config/files.js';
import { parseJson } from '../domain/json.js';
import { type Composed, readCompose } from './compose/compose.js';
import { type FoundDockerfile, findDockerfiles } from './dockerfiles.js';
import { type Draft, type DraftService, Noted, type Question } from './draft.js';
import { type Remote, registryOf, remoteIn } from './git.js';
import { nameFrom } from './names.js';
import { type ExampleVariables, exampleVariables } from './variables.js';

const composeFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
const exampleFiles = ['.env.example', '.env.sample', '.env.template', '.env.dist'];

/**
 * What a first `oneclick.yml` of the repository in `cwd` should say, by what is there: a compose file (or the one that is named), Dockerfiles,
 * `.env.example`, `package.json` and the git remote. Throws usage failures about a compose file that cannot be read.
 */
export async function draftOf(files: Files, cwd: string, compose?: string): Promise<Draft> {
  const names = await files.list(cwd);
  const file = compose ?? composeFiles.find((name) => names.includes(name));
  const composed = file === undefined ? undefined : await readCompose(files, cwd, file);
  const remote = await findRemote(files, cwd);
  const project = composed?.project ?? (await projectName(files, cwd, remote));
  const services = new Map(composed?.services ?? []);
  // A compose file may hold only what the application needs.
  if (compose === undefined && ![...services.values()].some(isBuilt))
    for (const [name, service] of await ownServices(files, cwd, services)) services.set(name, service);
  return withImages({ project, remote, services, composed });
}

const keysOf = (service: Noted) => service.value as Record<string, unknown>;
const isBuilt = (service: Noted) => keysOf(service).build !== undefined;

interface Found {
  readonly project: Noted;
  readonly remote: (Remote & { readonly file: string }) | undefined;
  readonly services: Map<string, Noted>;
  readonly composed: Composed | undefined;
}

/** Says where the images are: that of the only service that is built has the repository's name, several are below it. */
function withImages({ project, remote, services, composed }: Found): Draft {
  const left = composed?.left ?? [];
  const open: Question[] = ['hosts'];
  const from = remote === undefined ? '' : `${remote.file}:${remote.line}`;
  const path = remote === undefined ? undefined : registryOf(remote);
  if (services.size === 0) {
    open.push('image');
    const guess =
      path === undefined
        ? new Noted('registry.example.com/app:v1', 'fill in: there is no Dockerfile here')
        : new Noted(`${path}:latest`, 'a guess, for there is no Dockerfile here', from);
    services.set(
      'web',
      new Noted({ image: guess, port: new Noted('80:8080', 'fill in: instance:container') }, ''),
    );
    return { project, services, left, open };
  }
  const built = [...services.values()].filter((one) => isBuilt(one) && keysOf(one).image === undefined);
  if (built.length === 0) return { project, services, left, open };
  if (path === undefined) return { project, services, left, open: [...open, 'registry'] };
  const [only, ...more] = built;
  if (only === undefined || more.length > 0)
    return { project, services, left, open, registry: new Noted(path, 'a guess by the git remote', from) };
  const named = [...services].map(([name, one]): [string, Noted] =>
    one === only
      ? [
          name,
          new Noted(
            { image: new Noted(path, 'a guess by the git remote', from), ...keysOf(one) },
            one.why,
            one.from,
          ),
        ]
      : [name, one],
  );
  return { project, services: new Map(named), left, open };
}

async function findRemote(files: Files, cwd: string): Promise<Found['remote']> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, '.git', 'config');
    const text = await files.read(path);
    const remote = text === undefined ? undefined : remoteIn(text);
    if (remote !== undefined) return { ...remote, file: shortPath(path, cwd) };
    if (text !== undefined || dirname(folder) === folder) return undefined;
  }
}

const Package = z.looseObject({ name: z.string() });

async function projectName(files: Files, cwd: string, remote: Found['remote']): Promise<Noted> {
  const text = await files.read(join(cwd, 'package.json'));
  const parsed = Package.safeParse(text === undefined ? undefined : parseJson(text));
  const own = parsed.success ? nameFrom(parsed.data.name.replace(/^@[^/]*\//, '')) : undefined;
  if (own !== undefined && text !== undefined) {
    const line = text.split('\n').findIndex((row) => /^\s*\{?\s*"name"\s*:/.test(row)) + 1;
    return new Noted(own, '', `package.json:${Math.max(line, 1)}`);
  }
  const path = remote === undefined ? undefined : nameFrom(basename(remote.path));
  if (path !== undefined && remote !== undefined)
    return new Noted(path, 'the git remote', `${remote.file}:${remote.line}`);
  return new Noted(nameFrom(basename(cwd)) ?? 'app', 'the name of the folder');
}

/** A service for each Dockerfile, beside those that there are. */
async function ownServices(
  files: Files,
  cwd: string,
  beside: ReadonlyMap<string, Noted>,
): Promise<ReadonlyMap<string, Noted>> {
  const found = await findDockerfiles(files, cwd);
  const atTop = found.filter(({ file }) => dirname(file) === '.');
  const example = await findExample(files, cwd);
  const services = new Map<string, Noted>();
  const taken = new Set([...beside.values()].flatMap((one) => hostPortOf(keysOf(one).port) ?? []));
  for (const one of frontFirst(atTop.length > 0 ? atTop : found)) {
    const name = freeName(one.name ?? 'web', [...beside.keys(), ...services.keys()]);
    const service = ownService(one, example, taken);
    const needs =
      beside.size === 0 ? {} : { needs: new Noted([...beside.keys()], 'a guess: what the compose file has') };
    services.set(
      name,
      new Noted({ ...service, ...needs }, service.port === undefined ? unreached : '', one.file),
    );
  }
  return services;
}

const unreached = 'no port was seen: write port if it is reached from outside';

const front = /^(?:web|www|app|site|frontend|front|ui|client)$/;

/** What people look at first: it gets port 80. */
const frontFirst = (found: readonly FoundDockerfile[]) =>
  [...found].sort((a, b) => Number(front.test(b.name ?? 'web')) - Number(front.test(a.name ?? 'web')));

function ownService(
  { file, context, content }: FoundDockerfile,
  example: ExampleVariables,
  taken: Set<number>,
): DraftService {
  const dockerfile = file.slice(context === '.' ? 0 : context.length + 1);
  const seen = content.port;
  const port = seen === undefined ? example.port : new Noted(seen.value, seen.why, `${file}:${seen.line}`);
  return {
    build: dockerfile === 'Dockerfile' ? context : { context, dockerfile },
    ...(port === undefined ? {} : { port: publishedPort(port, taken) }),
    ...(port === undefined || content.path === undefined
      ? {}
      : { health: new Noted(content.path.value, content.path.why, `${file}:${content.path.line}`) }),
    ...(Object.keys(example.env).length === 0 ? {} : { env: example.env }),
    ...(example.secrets.length === 0 ? {} : { secrets: example.secrets }),
  };
}

/** The first service is reached at port 80, others at their own port or the next that is free. */
function publishedPort({ value, why, from }: Noted, taken: Set<number>): Noted {
  const container = Number(value);
  let host = taken.has(80) ? container : 80;
  while (taken.has(host)) host += 1;
  taken.add(host);
  const note = host === container ? why : `${why} is ${container}; ${host} is where it is reached`;
  return new Noted(host === container ? container : `${host}:${container}`, note, from);
}

function hostPortOf(port: unknown): number | undefined {
  const written = port instanceof Noted ? port.value : port;
  const text = written === undefined ? '' : (String(written).split(':').at(-2) ?? String(written));
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function freeName(name: string, taken: readonly string[]): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.includes(candidate)) return candidate;
  }
}

async function findExample(files: Files, cwd: string): Promise<ExampleVariables> {
  for (const name of exampleFiles) {
    const text = await files.read(join(cwd, name));
    if (text !== undefined) return exampleVariables(name, text);
  }
  return { env: {}, secrets: [] };
}

import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type Files, shortPath } from '../config/files.js';
import { parseJson } from '../domain/json.js';
import { type ConvertedCompose, readCompose } from './compose/compose.js';
import { type FoundDockerfile, findDockerfiles } from './dockerfiles.js';
import { Annotated, type Draft, type DraftService, type Question } from './draft.js';
import { type Remote, registryOf, remoteIn } from './git.js';
import { nameFrom } from './names.js';
import { type ExampleVariables, exampleVariables } from './variables.js';

const composeFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
const exampleFiles = ['.env.example', '.env.sample', '.env.template', '.env.dist'];

/**
 * Drafts `oneclick.yml` from a compose file (`composeFile`, or the default one), Dockerfiles, `.env.example`, `package.json`
 * and the git remote in `cwd`. Throws a usage failure for an invalid compose file.
 */
export async function draftOf(files: Files, cwd: string, composeFile?: string): Promise<Draft> {
  const names = await files.list(cwd);
  const file = composeFile ?? composeFiles.find((name) => names.includes(name));
  const compose = file === undefined ? undefined : await readCompose(files, cwd, file);
  const remote = await findRemote(files, cwd);
  const project = compose?.project ?? (await projectName(files, cwd, remote));
  const services = new Map(compose?.services ?? []);
  // A compose file may list only the services that the application needs.
  if (composeFile === undefined && ![...services.values()].some(isBuilt))
    for (const [name, service] of await servicesFromDockerfiles(files, cwd, services))
      services.set(name, service);
  return addImages({ project, remote, services, compose });
}

const keysOf = (service: Annotated) => service.value as Record<string, unknown>;
const isBuilt = (service: Annotated) => keysOf(service).build !== undefined;

interface DraftParts {
  readonly project: Annotated;
  readonly remote: (Remote & { readonly file: string }) | undefined;
  readonly services: Map<string, Annotated>;
  readonly compose: ConvertedCompose | undefined;
}

/** Adds image names: of the repository if one service is built, else below it. */
function addImages({ project, remote, services, compose }: DraftParts): Draft {
  const skipped = compose?.skipped ?? [];
  const open: Question[] = ['hosts'];
  const from = remote === undefined ? '' : `${remote.file}:${remote.line}`;
  const path = remote === undefined ? undefined : registryOf(remote);
  if (services.size === 0) {
    open.push('image');
    const guess =
      path === undefined
        ? new Annotated('registry.example.com/app:v1', 'fill in: no Dockerfile found')
        : new Annotated(`${path}:latest`, 'guess: no Dockerfile found', from);
    services.set(
      'web',
      new Annotated({ image: guess, port: new Annotated('80:8080', 'fill in: HOST:CONTAINER') }, ''),
    );
    return { project, services, skipped, questions: open };
  }
  const built = [...services.values()].filter((one) => isBuilt(one) && keysOf(one).image === undefined);
  if (built.length === 0) return { project, services, skipped, questions: open };
  if (path === undefined) return { project, services, skipped, questions: [...open, 'registry'] };
  const [only, ...more] = built;
  if (only === undefined || more.length > 0)
    return {
      project,
      services,
      skipped,
      questions: open,
      registry: new Annotated(path, 'guess from the git remote', from),
    };
  const named = [...services].map(([name, one]): [string, Annotated] =>
    one === only
      ? [
          name,
          new Annotated(
            { image: new Annotated(path, 'guess from the git remote', from), ...keysOf(one) },
            one.why,
            one.from,
          ),
        ]
      : [name, one],
  );
  return { project, services: new Map(named), skipped, questions: open };
}

async function findRemote(files: Files, cwd: string): Promise<DraftParts['remote']> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, '.git', 'config');
    const text = await files.read(path);
    const remote = text === undefined ? undefined : remoteIn(text);
    if (remote !== undefined) return { ...remote, file: shortPath(path, cwd) };
    if (text !== undefined || dirname(folder) === folder) return undefined;
  }
}

const Package = z.looseObject({ name: z.string() });

async function projectName(files: Files, cwd: string, remote: DraftParts['remote']): Promise<Annotated> {
  const text = await files.read(join(cwd, 'package.json'));
  const parsed = Package.safeParse(text === undefined ? undefined : parseJson(text));
  const own = parsed.success ? nameFrom(parsed.data.name.replace(/^@[^/]*\//, '')) : undefined;
  if (own !== undefined && text !== undefined) {
    const line = text.split('\n').findIndex((row) => /^\s*\{?\s*"name"\s*:/.test(row)) + 1;
    return new Annotated(own, '', `package.json:${Math.max(line, 1)}`);
  }
  const path = remote === undefined ? undefined : nameFrom(basename(remote.path));
  if (path !== undefined && remote !== undefined)
    return new Annotated(path, 'git remote', `${remote.file}:${remote.line}`);
  return new Annotated(nameFrom(basename(cwd)) ?? 'app', 'folder name');
}

/** Returns a service for each Dockerfile, in addition to the existing ones. */
async function servicesFromDockerfiles(
  files: Files,
  cwd: string,
  existing: ReadonlyMap<string, Annotated>,
): Promise<ReadonlyMap<string, Annotated>> {
  const found = await findDockerfiles(files, cwd);
  const atTop = found.filter(({ file }) => dirname(file) === '.');
  const example = await findExample(files, cwd);
  const services = new Map<string, Annotated>();
  const taken = new Set([...existing.values()].flatMap((one) => hostPortOf(keysOf(one).port) ?? []));
  for (const one of sortFrontFirst(atTop.length > 0 ? atTop : found)) {
    const name = freeName(one.name ?? 'web', [...existing.keys(), ...services.keys()]);
    const service = serviceFromDockerfile(one, example, taken);
    const needs =
      existing.size === 0
        ? {}
        : { needs: new Annotated([...existing.keys()], 'guess: all services in the Compose file') };
    services.set(
      name,
      new Annotated({ ...service, ...needs }, service.port === undefined ? noPort : '', one.file),
    );
  }
  return services;
}

const noPort = 'no port found: add port to publish one';

const frontNames = /^(?:web|www|app|site|frontend|front|ui|client)$/;

/** Puts the user-facing service first, so that it gets port 80. */
const sortFrontFirst = (found: readonly FoundDockerfile[]) =>
  [...found].sort(
    (a, b) => Number(frontNames.test(b.name ?? 'web')) - Number(frontNames.test(a.name ?? 'web')),
  );

function serviceFromDockerfile(
  { file, context, content }: FoundDockerfile,
  example: ExampleVariables,
  taken: Set<number>,
): DraftService {
  const dockerfile = file.slice(context === '.' ? 0 : context.length + 1);
  const seen = content.port;
  const port =
    seen === undefined ? example.port : new Annotated(seen.value, seen.why, `${file}:${seen.line}`);
  return {
    build: dockerfile === 'Dockerfile' ? context : { context, dockerfile },
    ...(port === undefined ? {} : { port: publishedPort(port, taken) }),
    ...(port === undefined || content.path === undefined
      ? {}
      : { health: new Annotated(content.path.value, content.path.why, `${file}:${content.path.line}`) }),
    ...(Object.keys(example.env).length === 0 ? {} : { env: example.env }),
    ...(example.secrets.length === 0 ? {} : { secrets: example.secrets }),
  };
}

/** Publishes the first service on port 80, others on their own port or the next free one. */
function publishedPort({ value, why, from }: Annotated, taken: Set<number>): Annotated {
  const container = Number(value);
  let host = taken.has(80) ? container : 80;
  while (taken.has(host)) host += 1;
  taken.add(host);
  const note = host === container ? why : `${why} ${container}, published on ${host}`;
  return new Annotated(host === container ? container : `${host}:${container}`, note, from);
}

function hostPortOf(port: unknown): number | undefined {
  const written = port instanceof Annotated ? port.value : port;
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

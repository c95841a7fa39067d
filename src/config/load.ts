import { dirname, join, resolve as resolvePath } from 'node:path';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import { resolveSetting, type SettingSources } from '../domain/precedence.js';
import { invalid, type Problem } from '../domain/problem.js';
import { valueAt } from '../domain/schema-problems.js';
import { readSource, type Source } from '../domain/source.js';
import { type Files, shortPath } from './files.js';
import type { Variables } from './interpolate.js';
import { readAs } from './issues.js';
import { type ResolvedEnvironment, resolve } from './resolve.js';
import { validParts } from './salvage.js';
import { WrittenEnvironment, WrittenProject } from './schema.js';

/** What surrounds a configuration. */
export interface Setting {
  readonly files: Files;
  readonly cwd: string;
  readonly home: string;
  /** The folder of environments that belong to the user instead of a project; each `<name>.yml` is one. */
  readonly environmentsDir: string;
  readonly variables: Variables;
}

/** An environment that a project can be deployed to, and the file that describes it. */
export interface EnvironmentEntry {
  readonly name: string;
  readonly file: string;
  readonly origin: 'project' | 'user';
}

/** A checked `oneclick.yml`. */
export interface Project {
  readonly name: string;
  readonly file: string;
  readonly folder: string;
  readonly services: readonly string[];
  /** The project's own first; a user's of the same name does not count. */
  readonly environments: readonly EnvironmentEntry[];
  /** The environment when none is named. */
  readonly defaultEnvironment?: string;
  readonly source: Source;
  readonly written: WrittenProject;
}

const fileName = 'oneclick.yml';

/**
 * Reads and checks `file`, or the `oneclick.yml` of the working folder or the nearest folder above it. Throws a usage failure:
 * `config.missing` without a file, `config.invalid` with every problem of it.
 */
export async function loadProject(
  { files, cwd, home, environmentsDir }: Setting,
  file?: string,
): Promise<Project> {
  const found = file === undefined ? await search(files, cwd) : await read(files, resolvePath(cwd, file));
  const source = readSource(shortPath(found.path, cwd), found.text);
  const matched = readAs(source, WrittenProject);
  const written = 'value' in matched ? matched.value : validParts(source.value);
  if (written === undefined) throw invalid('problems' in matched ? matched.problems : []);
  const environments = await listEnvironments(files, environmentsDir, found.path, written);
  const standard = written.default_environment ?? onlyOne(environments);
  const project: Project = {
    name: written.project,
    file: found.path,
    folder: dirname(found.path),
    services: Object.keys(written.services),
    environments,
    source,
    written,
    ...given({ defaultEnvironment: standard }),
  };
  const misfits = 'problems' in matched ? matched.problems : [];
  const problems = [...misfits, ...checkDefault(project), ...checkEnvironments(project, home)];
  if (problems.length > 0) throw invalid(problems);
  return project;
}

/**
 * The environment with every default filled in, variables put in, and paths made absolute; the default one when no name is given.
 * Throws a usage failure: `environment.unknown`, `environment.unnamed`, or `config.invalid` with every problem.
 */
export async function resolveEnvironment(
  project: Project,
  name: string | undefined,
  setting: Setting,
): Promise<ResolvedEnvironment> {
  const entry = chosenEnvironment(project, { flag: name });
  const layer = await environmentLayer(project, entry, setting);
  const { problems, resolved } = resolve(project, layer, setting.home, setting.variables);
  if (problems.length > 0) throw invalid(problems);
  return resolved;
}

async function read(files: Files, path: string): Promise<{ path: string; text: string }> {
  const text = await files.read(path);
  if (text === undefined) throw new Failure('usage', 'config.missing', `there is no file ${path}`);
  return { path, text };
}

async function search(files: Files, cwd: string): Promise<{ path: string; text: string }> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, fileName);
    const text = await files.read(path);
    if (text !== undefined) return { path, text };
    if (dirname(folder) === folder) break;
  }
  throw new Failure('usage', 'config.missing', `there is no ${fileName} in ${cwd} or above it`, {
    hint: 'oneclick init',
  });
}

async function listEnvironments(
  files: Files,
  environmentsDir: string,
  file: string,
  written: WrittenProject,
): Promise<EnvironmentEntry[]> {
  const own = Object.keys(written.environments ?? {});
  const names = (await files.list(environmentsDir)).flatMap(
    (name) => /^([a-z0-9][a-z0-9-]*)\.yml$/.exec(name)?.[1] ?? [],
  );
  return [
    ...own.map((name) => ({ name, file, origin: 'project' as const })),
    ...names
      .filter((name) => !own.includes(name))
      .sort()
      .map((name) => ({ name, file: join(environmentsDir, `${name}.yml`), origin: 'user' as const })),
  ];
}

/** The project's only environment; a user's counts only for a project that has none. */
function onlyOne(environments: readonly EnvironmentEntry[]): string | undefined {
  const own = environments.filter(({ origin }) => origin === 'project');
  const candidates = own.length > 0 ? own : environments;
  return candidates.length === 1 ? candidates[0]?.name : undefined;
}

function checkDefault({ written, environments, source }: Project): Problem[] {
  const name = written.default_environment ?? undefined;
  // One that was refused is there all the same.
  const refused = Object.keys(Object(valueAt(source.value, ['environments'])));
  const names = [...environments.map((entry) => entry.name), ...refused];
  if (name === undefined || names.includes(name)) return [];
  const suggestion = nearest(name, names);
  const options = suggestion === undefined ? {} : { suggestion };
  return [source.problem(['default_environment'], `there is no environment "${name}"`, options)];
}

/** What is wrong in any environment of the file, whatever variables are set. */
function checkEnvironments(project: Project, home: string): Problem[] {
  const own = Object.entries(project.written.environments ?? {});
  const bare = { name: '', source: project.source, at: [], folder: project.folder, written: {} };
  const layers = own.map(([name, written]) => ({
    name,
    source: project.source,
    at: ['environments', name],
    folder: project.folder,
    written,
  }));
  return (layers.length > 0 ? layers : [bare]).flatMap((layer) => resolve(project, layer, home).problems);
}

/** Who says the name of an environment, beside the flag. */
const sayers = {
  flag: undefined,
  variable: 'ONECLICK_ENV names it',
  project: 'default_environment names it',
  user: 'your own configuration names it',
} as const;

/**
 * The environment that is meant: by what was said, else by the project's default, else the only one there is. Throws a usage
 * failure: `environment.unknown`, `environment.unnamed`.
 */
export function chosenEnvironment(project: Project, asked: SettingSources<string>): EnvironmentEntry {
  const names = project.environments.map((entry) => entry.name);
  const said = resolveSetting({ ...asked, project: project.written.default_environment ?? undefined });
  const wanted = said?.value ?? project.defaultEnvironment;
  const known = names.length === 0 ? 'there is none yet' : `there are ${names.join(', ')}`;
  if (wanted === undefined)
    throw new Failure('usage', 'environment.unnamed', `which environment? ${known}`, {
      hint:
        names.length === 0
          ? 'write environments in oneclick.yml, or type oneclick sandbox up'
          : 'name it with --env, or write default_environment in oneclick.yml',
    });
  const entry = project.environments.find((candidate) => candidate.name === wanted);
  if (entry !== undefined) return entry;
  const near = nearest(wanted, names);
  const sayer = said === undefined ? undefined : sayers[said.origin];
  const because = sayer === undefined ? '' : `, and ${sayer}`;
  throw new Failure(
    'usage',
    'environment.unknown',
    `there is no environment "${wanted}"${because}; ${known}`,
    {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    },
  );
}

async function environmentLayer(project: Project, entry: EnvironmentEntry, setting: Setting) {
  const { name, file, origin } = entry;
  if (origin === 'project') {
    const written = project.written.environments?.[name] ?? {};
    return { name, source: project.source, at: ['environments', name], folder: project.folder, written };
  }
  const { text } = await read(setting.files, file);
  const source = readSource(shortPath(file, setting.cwd), text);
  const matched = readAs(source, WrittenEnvironment);
  if ('problems' in matched) throw invalid(matched.problems);
  return { name, source, at: [], folder: dirname(file), written: matched.value };
}

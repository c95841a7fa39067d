import { dirname, join, resolve as resolvePath } from 'node:path';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import { resolveSetting, type SettingSources } from '../domain/precedence.js';
import { invalid, type Problem } from '../domain/problem.js';
import { valueAt } from '../domain/schema-problems.js';
import { readSource, type Source } from '../domain/source.js';
import { unknownName } from '../domain/unknown-name.js';
import { type Files, shortPath } from './files.js';
import { withFormerHosts } from './former-hosts.js';
import type { Variables } from './interpolate.js';
import { readAs } from './issues.js';
import type { EnvironmentLayer } from './layers.js';
import { type ResolvedEnvironment, resolve } from './resolve.js';
import { EnvironmentConfig, ProjectConfig } from './schema.js';
import { validParts } from './valid-parts.js';

/** The file access, folders and variables that a configuration is read with. */
export interface ConfigContext {
  readonly files: Files;
  readonly cwd: string;
  readonly home: string;
  /** The folder of the user's own environments, one `<name>.yml` each. */
  readonly environmentsDir: string;
  readonly variables: Variables;
}

/** An environment of a project and the file that defines it. */
export interface EnvironmentEntry {
  readonly name: string;
  readonly file: string;
  readonly origin: 'project' | 'user';
}

/** A validated `oneclick.yml`. */
export interface Project {
  readonly name: string;
  readonly file: string;
  readonly folder: string;
  readonly services: readonly string[];
  /** The project's own, then the user's; a user's environment never replaces one of the project. */
  readonly environments: readonly EnvironmentEntry[];
  /** Used if no environment is named. */
  readonly defaultEnvironment?: string;
  readonly source: Source;
  readonly config: ProjectConfig;
}

const fileName = 'oneclick.yml';

/**
 * Reads and validates `file`, or `oneclick.yml` in the working folder or the nearest parent. Throws a usage failure:
 * `config.missing`, or `config.invalid` with every problem.
 */
export async function loadProject(
  { files, cwd, home, environmentsDir }: ConfigContext,
  file?: string,
): Promise<Project> {
  const found = file === undefined ? await findUp(files, cwd) : await read(files, resolvePath(cwd, file));
  const source = readSource(shortPath(found.path, cwd), found.text);
  const matched = readAs(source, ProjectConfig);
  const config = 'value' in matched ? matched.value : validParts(source.value);
  if (config === undefined) throw invalid('problems' in matched ? matched.problems : []);
  const environments = await listEnvironments(files, environmentsDir, found.path, config);
  const defaultEnvironment = config.default_environment ?? onlyEnvironment(environments);
  const project: Project = {
    name: config.project,
    file: found.path,
    folder: dirname(found.path),
    services: Object.keys(config.services),
    environments,
    source,
    config,
    ...given({ defaultEnvironment }),
  };
  const schemaProblems = 'problems' in matched ? matched.problems : [];
  const problems = [...schemaProblems, ...checkDefault(project), ...checkEnvironments(project, home)];
  if (problems.length > 0) throw invalid(problems);
  return project;
}

/**
 * Resolves an environment, with `formerHosts` in addition to its own (by default the default one): applies defaults, interpolates variables, makes paths absolute.
 * Throws a usage failure: `environment.unknown`, `environment.unnamed`, or `config.invalid` with every problem.
 */
export async function resolveEnvironment(
  project: Project,
  name: string | undefined,
  setting: ConfigContext,
  formerHosts: readonly string[] = [],
): Promise<ResolvedEnvironment> {
  const entry = chooseEnvironment(project, { flag: name });
  const layer = withFormerHosts(await environmentLayer(project, entry, setting), formerHosts);
  const { problems, resolved } = resolve(project, layer, setting.home, setting.variables);
  if (problems.length > 0) throw invalid(problems);
  return resolved;
}

async function read(files: Files, path: string): Promise<{ path: string; text: string }> {
  const text = await files.read(path);
  if (text === undefined) throw new Failure('usage', 'config.missing', `no such file: ${path}`);
  return { path, text };
}

async function findUp(files: Files, cwd: string): Promise<{ path: string; text: string }> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, fileName);
    const text = await files.read(path);
    if (text !== undefined) return { path, text };
    if (dirname(folder) === folder) break;
  }
  throw new Failure('usage', 'config.missing', `no ${fileName} in ${cwd} or any parent folder`, {
    hint: 'oneclick init',
  });
}

async function listEnvironments(
  files: Files,
  environmentsDir: string,
  file: string,
  config: ProjectConfig,
): Promise<EnvironmentEntry[]> {
  const own = Object.keys(config.environments ?? {});
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

/** Returns the only environment; the user's count only if the project has none. */
function onlyEnvironment(environments: readonly EnvironmentEntry[]): string | undefined {
  const own = environments.filter(({ origin }) => origin === 'project');
  const candidates = own.length > 0 ? own : environments;
  return candidates.length === 1 ? candidates[0]?.name : undefined;
}

function checkDefault({ config, environments, source }: Project): Problem[] {
  const name = config.default_environment ?? undefined;
  // An invalid environment is already reported: do not call it unknown.
  const written = Object.keys(Object(valueAt(source.value, ['environments'])));
  const names = [...new Set([...environments.map((entry) => entry.name), ...written])];
  if (name === undefined || names.includes(name)) return [];
  const suggestion = nearest(name, names);
  const options = given({ suggestion });
  return [source.problem(['default_environment'], unknownName('environment', name, names), options)];
}

/** Returns the problems of all environments that do not depend on variables. */
function checkEnvironments(project: Project, home: string): Problem[] {
  const own = Object.entries(project.config.environments ?? {});
  const empty = { name: '', source: project.source, at: [], folder: project.folder, config: {} };
  const layers = own.map(([name, config]) => ({
    name,
    source: project.source,
    at: ['environments', name],
    folder: project.folder,
    config,
  }));
  return (layers.length > 0 ? layers : [empty]).flatMap((layer) => resolve(project, layer, home).problems);
}

/** Names the source of an environment's name in messages. */
const origins = {
  flag: '',
  variable: ' from ONECLICK_ENV',
  project: ' from default_environment',
  user: ' from your user configuration',
} as const;

/**
 * Chooses the environment: from a flag, variable or file, else the only one. Throws a usage failure:
 * `environment.unknown`, `environment.unnamed`.
 */
export function chooseEnvironment(project: Project, sources: SettingSources<string>): EnvironmentEntry {
  const names = project.environments.map((entry) => entry.name);
  const setting = resolveSetting({ ...sources, project: project.config.default_environment ?? undefined });
  const wanted = setting?.value ?? project.defaultEnvironment;
  const list = names.length === 0 ? '' : ` (available: ${names.join(', ')})`;
  if (wanted === undefined)
    throw new Failure('usage', 'environment.unnamed', `choose an environment${list}`, {
      hint:
        names.length === 0
          ? 'add environments to oneclick.yml, or run: oneclick sandbox up'
          : 'pass --env, or set default_environment in oneclick.yml',
    });
  const entry = project.environments.find((candidate) => candidate.name === wanted);
  if (entry !== undefined) return entry;
  const near = nearest(wanted, names);
  const origin = setting === undefined ? '' : origins[setting.origin];
  throw new Failure('usage', 'environment.unknown', `unknown environment "${wanted}"${origin}${list}`, {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

async function environmentLayer(
  project: Project,
  entry: EnvironmentEntry,
  setting: ConfigContext,
): Promise<EnvironmentLayer> {
  const { name, file, origin } = entry;
  if (origin === 'project') {
    const config = project.config.environments?.[name] ?? {};
    return { name, source: project.source, at: ['environments', name], folder: project.folder, config };
  }
  const { text } = await read(setting.files, file);
  const source = readSource(shortPath(file, setting.cwd), text);
  const matched = readAs(source, EnvironmentConfig);
  if ('problems' in matched) throw invalid(matched.problems);
  return { name, source, at: [], folder: dirname(file), config: matched.value };
}

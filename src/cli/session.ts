import { join } from 'node:path';
import { localFiles } from '../config/files.js';
import {
  chosenEnvironment,
  loadProject,
  type Project,
  resolveEnvironment,
  type Setting,
} from '../config/load.js';
import { type SecretStore, secretStore } from '../config/secrets.js';
import type { Environment } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import type { RunInfo } from '../domain/task.js';
import type { Command } from '../host/host.js';
import type { Reporter } from '../report/reporter.js';
import { commitOf, type Edge, runLocal } from './edge.js';
import type { Globals } from './grammar/flags.js';
import type { Voice } from './speak.js';

/** What every command about servers has: the project in one environment, and a way to speak. */
export interface Session {
  readonly edge: Edge;
  readonly reporter: Reporter;
  readonly project: Project;
  readonly environment: Environment;
  readonly secrets: SecretStore;
  readonly commit: string | undefined;
}

/** What the person said, for every command about servers. */
export interface SessionOptions {
  readonly file?: string;
  readonly env?: string;
  readonly environment?: Globals['environment'];
}

/** What surrounds a configuration on this machine. */
export function settingOf(edge: Edge): Setting {
  const environmentsDir = join(edge.stateDir, 'environments');
  return { files: localFiles, cwd: edge.cwd, home: edge.home, environmentsDir, variables: edge.env };
}

/** Reads the project. */
export function openProject(edge: Edge, { file }: SessionOptions): Promise<Project> {
  return loadProject(settingOf(edge), file);
}

/** Reads the project and resolves the environment; touches no server. */
export async function openSession(
  edge: Edge,
  voice: Pick<Voice, 'reporter'>,
  options: SessionOptions,
): Promise<Session> {
  const { reporter } = voice;
  const setting = settingOf(edge);
  const project = await openProject(edge, options);
  const commit = commitOf(project.folder);
  const { name } = chosenEnvironment(project, { ...options.environment, flag: options.env });
  const resolved = await resolveEnvironment(project, name, setting);
  const run = (command: Command) => runHere(edge, project.folder, command);
  const secrets = secretStore({
    environment: resolved.environment.name,
    folder: project.folder,
    sources: resolved.secretSources,
    variables: edge.env,
    files: localFiles,
    run,
    onFound: (name, value) => {
      if (!edge.redaction.add(name, value))
        reporter.warn(`the secret ${name} is shorter than 6 characters: it is not taken out of output`);
    },
  });
  for (const warning of [...resolved.warnings, ...(await secrets.warnings())]) reporter.warn(warning);
  return {
    edge,
    reporter,
    project,
    environment: resolved.environment,
    secrets,
    commit: await commit,
  };
}

/** Runs a command of this machine in a folder; one that cannot be started is a Failure. */
export async function runHere(
  edge: Edge,
  cwd: string,
  command: Command,
  onLine: (line: string) => void = () => undefined,
  signal?: AbortSignal,
) {
  try {
    return await runLocal(
      command,
      { cwd, env: edge.env, ...(signal === undefined ? {} : { signal }) },
      onLine,
    );
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('failed', 'command.start', `${command.argv[0]} did not run: ${message}`, { cause });
  }
}

/** A run that begins now. */
export function newRun(session: Session, recipe: string): RunInfo {
  const { edge, environment, commit } = session;
  return {
    id: edge.runId(),
    recipe,
    project: environment.project,
    environment: environment.name,
    who: edge.who,
    started: edge.clock.now().toISOString(),
    ...(commit === undefined ? {} : { commit }),
  };
}

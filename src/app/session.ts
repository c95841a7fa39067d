import { join } from 'node:path';
import { localFiles } from '../config/files.js';
import {
  type ConfigContext,
  chooseEnvironment,
  loadProject,
  type Project,
  resolveEnvironment,
} from '../config/load.js';
import { type SecretStore, secretStore } from '../config/secrets.js';
import { type Environment, type EnvironmentId, environmentId } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { SettingSources } from '../domain/precedence.js';
import type { RunInfo } from '../domain/task.js';
import type { Command } from '../host/host.js';
import type { Context } from './context.js';
import type { Listener } from './listener.js';
import { commitOf, runLocal } from './local-command.js';

/** The project and environment of a command, and its listener. */
export interface Session {
  readonly context: Context;
  readonly listener: Listener;
  readonly project: Project;
  readonly environment: Environment;
  /** Names the environment in labels and locks. */
  readonly id: EnvironmentId;
  readonly secrets: SecretStore;
  readonly commit: string | undefined;
}

/** The options that select a project and an environment. */
export interface SessionOptions {
  readonly file?: string;
  readonly env?: string;
  /** The environment set by a variable or the user's file. */
  readonly environment?: Pick<SettingSources<string>, 'variable' | 'user'>;
  /** Addresses, or names of configured hosts; the environment also gets those that it does not list, without services. */
  readonly hosts?: readonly string[];
  /** Skips the warning about secret files that git does not ignore. */
  readonly skipSecretFileCheck?: boolean;
}

/** Returns the folders, files and variables that a configuration may refer to. */
export function settingOf(context: Context): ConfigContext {
  const environmentsDir = join(context.stateDir, 'environments');
  return { files: localFiles, cwd: context.cwd, home: context.home, environmentsDir, variables: context.env };
}

/** Reads the project file. */
export function openProject(context: Context, { file }: SessionOptions): Promise<Project> {
  return loadProject(settingOf(context), file);
}

/** Reads the project and resolves the environment; connects to no host. */
export async function openSession(
  context: Context,
  listener: Listener,
  options: SessionOptions,
): Promise<Session> {
  const setting = settingOf(context);
  const project = await openProject(context, options);
  const commit = commitOf(project.folder);
  const { name } = chooseEnvironment(project, { ...options.environment, flag: options.env });
  const resolved = await resolveEnvironment(project, name, setting, options.hosts);
  const run = (command: Command) => runHere(context, project.folder, command);
  const secrets = secretStore({
    environment: resolved.environment.name,
    folder: project.folder,
    cwd: context.cwd,
    sources: resolved.secretSources,
    variables: context.env,
    files: localFiles,
    run,
    onFound: (name, value) => {
      if (!context.redaction.add(value))
        listener.warn(
          `secret ${name} is shorter than 6 characters, so it is not redacted in output and journals`,
        );
    },
  });
  const exposed = options.skipSecretFileCheck ? [] : await secrets.warnings();
  for (const warning of [...resolved.warnings, ...exposed]) listener.warn(warning);
  return {
    context,
    listener,
    project,
    environment: resolved.environment,
    id: environmentId(resolved.environment),
    secrets,
    commit: await commit,
  };
}

/** Runs a command on this machine in a folder. Throws a Failure if it cannot be started. */
export async function runHere(
  context: Context,
  cwd: string,
  command: Command,
  onLine: (line: string) => void = () => undefined,
  signal?: AbortSignal,
) {
  try {
    return await runLocal(command, { cwd, env: context.env, ...given({ signal }) }, onLine);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('failed', 'command.start', `cannot run ${command.argv[0]}: ${message}`, { cause });
  }
}

/** Returns the data of a run that starts now. */
export function newRun(session: Session, recipe: string): RunInfo {
  const { context, commit } = session;
  return {
    id: context.runId(),
    recipe,
    ...session.id,
    who: context.who,
    started: context.clock.now().toISOString(),
    ...given({ commit }),
  };
}

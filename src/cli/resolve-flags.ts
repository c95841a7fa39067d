import { join } from 'node:path';
import type { Context } from '../app/context.js';
import { localFiles } from '../config/files.js';
import { userSettings } from '../config/user.js';
import type { UserSettings } from '../config/user-file.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { resolveSetting } from '../domain/precedence.js';
import type { ProjectFile } from '../report/hints.js';
import type { Detail } from '../report/reporter.js';
import type { Globals, TypedGlobals } from './global-flags.js';

/** Combines the typed flags with variables and the user's file. Throws usage failures that locate invalid settings. */
export async function resolveFlags<Flags>(
  context: Context,
  typed: Flags & TypedGlobals,
): Promise<Flags & Globals> {
  const { env } = context;
  const user = await userSettings(localFiles, join(context.configDir, 'config.yml'));
  const resolve = (name: 'plain' | 'input', variable: boolean | undefined, fallback: boolean): boolean =>
    resolveSetting({ flag: typed[name], variable, user: user[name] })?.value ?? fallback;
  const noInput = booleanVariable(env, 'ONECLICK_NO_INPUT');
  // A user's `color: true` must not color files and pipes.
  const userColor = user.color === false ? false : undefined;
  const color = resolveSetting({ flag: typed.color, variable: colorOf(env), user: userColor })?.value;
  const file = resolveSetting({ flag: typed.file, variable: env.ONECLICK_FILE || undefined })?.value;
  return {
    ...typed,
    json: typed.json ?? false,
    plain: resolve('plain', booleanVariable(env, 'ONECLICK_PLAIN'), false),
    input: resolve('input', noInput === undefined ? undefined : !noInput, true),
    detail: detail(typed, env, user),
    environment: { variable: env.ONECLICK_ENV || undefined, user: user.environment },
    ...given({ color, file, projectFile: projectFile(file, env) }),
  };
}

/** Hints repeat the flag, unless a variable names the same file. */
function projectFile(file: string | undefined, env: Context['env']): ProjectFile | undefined {
  return file === undefined ? undefined : { path: file, isTyped: file !== env.ONECLICK_FILE };
}

/** `--quiet` and `--verbose` set the same level of detail. */
function detail(typed: TypedGlobals, env: Context['env'], user: UserSettings): Detail {
  const variables = {
    quiet: booleanVariable(env, 'ONECLICK_QUIET'),
    verbose: booleanVariable(env, 'ONECLICK_VERBOSE'),
  };
  const levels = {
    flag: detailOf(typed, '--quiet and --verbose'),
    variable: detailOf(variables, 'ONECLICK_QUIET and ONECLICK_VERBOSE'),
    user: detailOf(user, 'quiet and verbose'),
  };
  return resolveSetting<Detail>(levels)?.value ?? 'usual';
}

function detailOf(
  { quiet, verbose }: { readonly quiet?: boolean | undefined; readonly verbose?: boolean | undefined },
  names: string,
): Detail | undefined {
  if (quiet && verbose)
    throw new Failure('usage', 'arguments', `${names} cannot be combined`, { hint: 'remove one of them' });
  if (quiet) return 'quiet';
  if (verbose) return 'verbose';
  return quiet === false || verbose === false ? 'usual' : undefined;
}

/** See https://no-color.org and https://force-color.org. */
function colorOf({ NO_COLOR, FORCE_COLOR }: Context['env']): boolean | undefined {
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== '0' : undefined;
}

const booleans: Readonly<Record<string, boolean>> = {
  ...{ 1: true, true: true, yes: true, on: true },
  ...{ 0: false, false: false, no: false, off: false },
};

/** The boolean value of a variable; undefined when unset or empty. */
function booleanVariable(env: Context['env'], name: string): boolean | undefined {
  const text = env[name] ?? '';
  if (text === '') return undefined;
  const parsed = booleans[text.toLowerCase()];
  if (parsed !== undefined) return parsed;
  throw new Failure('usage', 'arguments', `${name} must be true or false, not ${text}`, {
    hint: `set ${name}=1 or ${name}=0`,
  });
}

import { join } from 'node:path';
import type { Context } from '../app/context.js';
import { localFiles } from '../config/files.js';
import { userSettings } from '../config/user.js';
import type { UserSettings } from '../config/user-file.js';
import { Failure } from '../domain/failure.js';
import { strongest } from '../domain/precedence.js';
import type { Detail } from '../report/reporter.js';
import type { Globals, Typed } from './grammar/flags.js';

/**
 * What was typed, completed with what the variables and the user's own file say. Throws usage failures for what is no answer
 * to a setting, with the place where it stands.
 */
export async function resolveFlags<Flags>(context: Context, typed: Flags & Typed): Promise<Flags & Globals> {
  const { env } = context;
  const user = await userSettings(localFiles, join(context.configDir, 'config.yml'));
  const decided = (name: 'plain' | 'input', variable: boolean | undefined, usual: boolean): boolean =>
    strongest({ flag: typed[name], variable, user: user[name] })?.value ?? usual;
  const noInput = decision(env, 'ONECLICK_NO_INPUT');
  // Who wants colour in all projects wants it on terminals, not in files.
  const usualColor = user.color === false ? false : undefined;
  const color = strongest({ flag: typed.color, variable: colourOf(env), user: usualColor })?.value;
  const file = strongest({ flag: typed.file, variable: env.ONECLICK_FILE || undefined })?.value;
  return {
    ...typed,
    json: typed.json ?? false,
    plain: decided('plain', decision(env, 'ONECLICK_PLAIN'), false),
    input: decided('input', noInput === undefined ? undefined : !noInput, true),
    detail: detail(typed, env, user),
    environment: { variable: env.ONECLICK_ENV || undefined, user: user.environment },
    ...(color === undefined ? {} : { color }),
    ...(file === undefined ? {} : { file }),
  };
}

/** How much is said: one setting, which is raised by one flag and lowered by another. */
function detail(typed: Typed, env: Context['env'], user: UserSettings): Detail {
  const variables = { quiet: decision(env, 'ONECLICK_QUIET'), verbose: decision(env, 'ONECLICK_VERBOSE') };
  const said = {
    flag: detailOf(typed, '--quiet and --verbose'),
    variable: detailOf(variables, 'ONECLICK_QUIET and ONECLICK_VERBOSE'),
    user: detailOf(user, 'quiet and verbose'),
  };
  return strongest<Detail>(said)?.value ?? 'usual';
}

function detailOf(
  { quiet, verbose }: { readonly quiet?: boolean | undefined; readonly verbose?: boolean | undefined },
  names: string,
): Detail | undefined {
  if (quiet && verbose)
    throw new Failure('usage', 'arguments', `${names} exclude each other`, { hint: 'leave one of them out' });
  if (quiet) return 'quiet';
  if (verbose) return 'verbose';
  return quiet === false || verbose === false ? 'usual' : undefined;
}

/** By https://no-color.org and https://force-color.org. */
function colourOf({ NO_COLOR, FORCE_COLOR }: Context['env']): boolean | undefined {
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== '0' : undefined;
}

const words: Readonly<Record<string, boolean>> = {
  ...{ 1: true, true: true, yes: true, on: true },
  ...{ 0: false, false: false, no: false, off: false },
};

/** What a variable decides; one that is empty decides nothing. */
function decision(env: Context['env'], name: string): boolean | undefined {
  const text = env[name] ?? '';
  if (text === '') return undefined;
  const answer = words[text.toLowerCase()];
  if (answer !== undefined) return answer;
  throw new Failure('usage', 'arguments', `${name}=${text}: it is neither yes nor no`, {
    hint: `write ${name}=1, or ${name}=0`,
  });
}

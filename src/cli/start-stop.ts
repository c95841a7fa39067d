import { untouchedHosts } from '../app/choose-services.js';
import type { Context } from '../app/context.js';
import { selectOnHosts } from '../app/instances.js';
import { openSession } from '../app/session.js';
import { given } from '../domain/given.js';
import { confirmOption, withOutput } from './command-output.js';
import type { Globals } from './global-flags.js';
import type { DryRunFlags, EnvironmentFlags } from './options.js';
import { dryRunOption, runRecipeCommand } from './recipe-command.js';

interface StartStopFlags extends Globals, EnvironmentFlags, DryRunFlags {
  readonly host: readonly string[];
  readonly ignoreHost?: readonly string[];
  readonly wait: boolean;
  /** Prompts only when false. */
  readonly yes?: boolean;
}

/** Runs a recipe on all or the named services; resolves to the exit code. */
export function startOrStop(
  recipe: 'restart' | 'start' | 'stop',
  context: Context,
  names: readonly string[],
  { yes = true, ...flags }: StartStopFlags,
): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = selectOnHosts(session.environment.services, names, flags.host);
    return runRecipeCommand(out, session, {
      ...{ recipe, services, params: {}, wait: flags.wait },
      ...dryRunOption(flags),
      untouchedHosts: untouchedHosts(session.environment, services, flags.ignoreHost),
      ...given({ ignoredHosts: flags.ignoreHost }),
      ...confirmOption(out, { yes, json: flags.json }),
    });
  });
}

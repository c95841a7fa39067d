import { untouchedHosts } from '../../app/choose-services.js';
import type { Context } from '../../app/context.js';
import { selectOnHosts } from '../../app/instances.js';
import { openSession } from '../../app/session.js';
import { confirmOption, withOutput } from '../command-output.js';
import { type Globals, onlyShown } from '../grammar/flags.js';
import { runRecipeCommand } from '../recipe-command.js';

export interface PowerFlags extends Globals {
  readonly env?: string;
  readonly host: readonly string[];
  readonly dryRun: boolean;
  readonly explain: boolean;
  readonly wait: boolean;
  /** Only where the command asks. */
  readonly yes?: boolean;
}

/** `oneclick restart`, `stop` and `start`: the recipe of that name on the services that were named; `stop` asks first. */
export function power(recipe: 'restart' | 'stop' | 'start') {
  return (context: Context, names: readonly string[], flags: PowerFlags): Promise<number> =>
    withOutput(context, flags, async (out) => {
      const session = await openSession(context, out.reporter, flags);
      const services = selectOnHosts(session.environment.services, names, flags.host);
      return runRecipeCommand(out, session, {
        ...{ recipe, services, params: {}, wait: flags.wait },
        ...onlyShown(flags),
        untouchedHosts: untouchedHosts(session.environment.services, services),
        ...(recipe === 'stop' ? confirmOption(out, { yes: flags.yes === true, json: flags.json }) : {}),
      });
    });
}

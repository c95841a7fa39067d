import { untouchedHosts } from '../../app/choose-services.js';
import type { Context } from '../../app/context.js';
import { selectWithoutSecrets } from '../../app/instances.js';
import { openSession } from '../../app/session.js';
import { withOutput } from '../command-output.js';
import { type Globals, onlyShown } from '../grammar/flags.js';
import { runRecipeCommand } from '../recipe-command.js';

interface SettleFlags extends Globals {
  readonly env?: string;
  readonly dryRun: boolean;
  readonly explain: boolean;
  readonly wait: boolean;
}

/** `oneclick settle`: the recipe of that name: what `--no-settle` left for later. */
export function settle(context: Context, names: readonly string[], flags: SettleFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = selectWithoutSecrets(session.environment.services, names);
    return runRecipeCommand(out, session, {
      ...{ recipe: 'settle', services, params: {}, wait: flags.wait },
      ...onlyShown(flags),
      untouchedHosts: untouchedHosts(session.environment.services, services),
    });
  });
}

import { untouchedHosts } from '../../../app/choose-services.js';
import type { Context } from '../../../app/context.js';
import { selectOnHosts } from '../../../app/instances.js';
import { openSession } from '../../../app/session.js';
import { withOutput } from '../../command-output.js';
import { dryRunOption, runRecipeCommand } from '../../recipe-command.js';
import type { SettleFlags } from './command.js';

/** Does the work that `--no-settle` skipped. */
export function run(context: Context, names: readonly string[], flags: SettleFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = selectOnHosts(session.environment.services, names, []);
    return runRecipeCommand(out, session, {
      ...{ recipe: 'settle', services, params: {}, wait: flags.wait },
      ...dryRunOption(flags),
      untouchedHosts: untouchedHosts(session.environment, services),
    });
  });
}

import { balancedServices } from '../../../../app/balancing/balanced-services.js';
import type { Context } from '../../../../app/context.js';
import { selectOnHosts } from '../../../../app/instances.js';
import { openSession } from '../../../../app/session.js';
import { confirmOption, withOutput } from '../../../command-output.js';
import { dryRunOption, runRecipeCommand } from '../../../recipe-command.js';
import type { LbTuneFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: LbTuneFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = balancedServices(selectOnHosts(session.environment.services, names, []), names);
    return runRecipeCommand(out, session, {
      ...{ recipe: 'lb-tune', services, params: {}, untouchedHosts: [], wait: false },
      ...dryRunOption(flags),
      ...confirmOption(out, flags),
    });
  });
}

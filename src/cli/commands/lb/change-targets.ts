import { balancedServices } from '../../../app/balancing/balanced-services.js';
import { chooseInstances } from '../../../app/balancing/choose-instances.js';
import { openCloud } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { selectOnHosts } from '../../../app/instances.js';
import { openSession } from '../../../app/session.js';
import { withOutput } from '../../command-output.js';
import type { DryRunFlags, EnvironmentFlags } from '../../options.js';
import { dryRunOption, runRecipeCommand } from '../../recipe-command.js';

/** Runs a recipe on the named instances of all services with a target group. */
export function changeTargets(
  recipe: 'lb-activate' | 'lb-deactivate',
  context: Context,
  args: readonly string[],
  flags: EnvironmentFlags & DryRunFlags,
  params: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const all = balancedServices(selectOnHosts(session.environment.services, [], []), []);
    const done = out.reporter.busy(`finding ${args.join(', ')}`);
    const services = await chooseInstances(all, args, async (names) =>
      (await openCloud(session)).instancesNamed(names),
    ).finally(done);
    return runRecipeCommand(out, session, {
      ...{ recipe, services, params, untouchedHosts: [], wait: false },
      ...dryRunOption(flags),
    });
  });
}

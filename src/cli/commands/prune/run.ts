import { untouchedHosts } from '../../../app/choose-services.js';
import type { Context } from '../../../app/context.js';
import { selectOnHosts } from '../../../app/instances.js';
import { openSession } from '../../../app/session.js';
import { isNamed } from '../../../config/former-hosts.js';
import { Failure } from '../../../domain/failure.js';
import { type CommandOutput, confirmOption, withOutput } from '../../command-output.js';
import { dryRunOption, runRecipeCommand } from '../../recipe-command.js';
import type { PruneFlags } from './command.js';

/** Removes what is no longer configured, after a question. */
export function run(context: Context, _: readonly string[], flags: PruneFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    requireConfirmation(out, flags);
    const session = await openSession(context, out.reporter, { ...flags, hosts: flags.host });
    const { environment } = session;
    const services = selectOnHosts(environment.services, [], []);
    const hosts = flags.host.map(
      (text) => environment.hosts.find((host) => isNamed(text, host))?.name ?? text,
    );
    return runRecipeCommand(out, session, {
      ...{ recipe: 'prune', services, wait: flags.wait },
      params: { volumes: flags.volumes, ...(hosts.length === 0 ? {} : { hosts: hosts.join(',') }) },
      ...dryRunOption(flags),
      untouchedHosts: untouchedHosts(environment, services),
      ...confirmOption(out, flags),
    });
  });
}

/** Removed containers do not come back, so a script must say that it means it. */
function requireConfirmation({ ask }: CommandOutput, { yes, dryRun, explain, json }: PruneFlags): void {
  if (yes || dryRun || explain || (ask.available && !json)) return;
  throw new Failure('usage', 'arguments', 'prune cannot ask for confirmation here', {
    hint: 'check the plan with --dry-run, then add --yes',
  });
}

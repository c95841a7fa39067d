import { writeAudits } from '../../../../app/audits.js';
import type { Context } from '../../../../app/context.js';
import { parentRuns, startedByRun } from '../../../../domain/parent-run.js';
import { endLeases, leaseHolders } from '../../../../host/lease/lease.js';
import { confirm } from '../../../../report/prompter.js';
import { withOutput } from '../../../command-output.js';
import { withHosts } from '../with-hosts.js';
import type { LeaseTakeFlags } from './command.js';

/** Ends the run that holds the hosts and records it in an audit on them. */
export function run(context: Context, _: readonly string[], flags: LeaseTakeFlags): Promise<number> {
  return withOutput(context, flags, (out) =>
    withHosts(context, out, flags, async (hosts, scope) => {
      const holders = await leaseHolders(hosts, scope);
      const own = holders.find((holder) => parentRuns(context.env).includes(holder.run));
      if (own !== undefined)
        throw startedByRun(
          { ...own, id: own.run },
          'it would end itself',
          `stop run ${own.run} with Ctrl-C instead`,
        );
      const who = [...new Set(holders.map((holder) => `${holder.who} (run ${holder.run})`))].join(', ');
      const question = `End the run of ${who} now, without undoing it?`;
      if (holders.length > 0 && !flags.yes && !(await confirm(question, out.ask))) return 1;
      await writeAudits(context, hosts, scope, holders);
      const ended = await endLeases(hosts, scope);
      out.reporter.result({ environment: scope.environment, ended }, (document) =>
        document.ended.length === 0
          ? `no run holds ${scope.environment}\n`
          : `ended the run of ${who}; check the result: oneclick status\n`,
      );
      return 0;
    }),
  );
}

import { audits } from '../../../../app/audits.js';
import type { Context } from '../../../../app/context.js';
import { describeStep } from '../../../../domain/describe-step.js';
import { leaseHolders } from '../../../../host/lease/lease.js';
import { table } from '../../../../report/table.js';
import { withOutput } from '../../../command-output.js';
import { withHosts } from '../with-hosts.js';
import type { LeaseShowFlags } from './command.js';

/** Shows the holders, and past takeovers. */
export function run(context: Context, _: readonly string[], flags: LeaseShowFlags): Promise<number> {
  return withOutput(context, flags, (out) =>
    withHosts(context, out, flags, async (hosts, scope) => {
      const [holders, taken] = await Promise.all([leaseHolders(hosts, scope), audits(hosts, scope)]);
      out.reporter.result({ environment: scope.environment, holders, taken }, (document, page) => {
        const past = document.taken.map(
          ({ at, who, run, whose }) => `taken ${at} by ${who}: ended run ${run} of ${whose}\n`,
        );
        if (document.holders.length === 0) return [`no run holds ${scope.environment}\n`, ...past].join('');
        const holding = table(
          document.holders,
          [
            { title: 'HOST', value: (row) => row.host },
            { title: 'WHO', value: (row) => row.who },
            { title: 'RUN', value: (row) => row.run },
            { title: 'SINCE', value: (row) => row.since },
            { title: 'STEP', value: (row) => describeStep(row.step), narrow: 'cut' },
          ],
          page,
        );
        return [holding, ...past].join('');
      });
      return 0;
    }),
  );
}

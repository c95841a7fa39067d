import type { Context } from '../../../../app/context.js';
import { type Audit, auditVolume } from '../../../../domain/audit.js';
import type { Host } from '../../../../host/host.js';
import { endLeases, type LeaseScope, leaseHolders } from '../../../../host/lease/lease.js';
import type { Holder } from '../../../../host/lease/lease-holder.js';
import { confirm } from '../../../../report/prompter.js';
import { withOutput } from '../../../command-output.js';
import { withHosts } from '../with-hosts.js';
import type { LeaseTakeFlags } from './command.js';

/** Ends the run that holds the hosts; it can change nothing any more. The hosts keep an audit of it. */
export function run(context: Context, _: readonly string[], flags: LeaseTakeFlags): Promise<number> {
  return withOutput(context, flags, (out) =>
    withHosts(context, out, flags, async (hosts, scope) => {
      const holders = await leaseHolders(hosts, scope);
      const who = [...new Set(holders.map((holder) => `${holder.who} (run ${holder.run})`))].join(', ');
      if (
        holders.length > 0 &&
        !flags.yes &&
        !(await confirm(`End the run of ${who} now, without reverting it?`, out.ask))
      )
        return 1;
      await writeAudits(context, hosts, scope, holders);
      const ended = await endLeases(hosts, scope);
      out.reporter.result({ environment: scope.environment, ended }, (document) =>
        document.ended.length === 0
          ? `nobody holds ${scope.environment}\n`
          : `ended the run of ${who}; check the result: oneclick status\n`,
      );
      return 0;
    }),
  );
}

/** Writes the audit first, so that no run is ended without a trace. */
async function writeAudits(
  { who, clock }: Context,
  hosts: readonly Host[],
  scope: LeaseScope,
  holders: readonly Holder[],
): Promise<void> {
  const at = clock.now().toISOString();
  await Promise.all(
    holders.map(async (holder) => {
      const record: Audit = { what: 'lease.take', who, at, run: holder.run, whose: holder.who };
      const { name, labels } = auditVolume(scope, record);
      await hosts.find((host) => host.name === holder.host)?.engine.ensureVolume(name, labels);
    }),
  );
}

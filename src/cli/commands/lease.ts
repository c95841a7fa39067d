import { audits } from '../../app/audits.js';
import { withEnvironment } from '../../app/connect.js';
import type { Context } from '../../app/context.js';
import { selectWithoutSecrets } from '../../app/instances.js';
import { openSession } from '../../app/session.js';
import { type Audit, auditVolume } from '../../domain/audit.js';
import type { Host } from '../../host/host.js';
import { endLeases, type LeaseScope, leaseHolders } from '../../host/lease/lease.js';
import type { Holder } from '../../host/lease/lease-holder.js';
import { confirm } from '../../report/ask.js';
import { table } from '../../report/table.js';
import { type CommandOutput, reportProblems, withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';

type LeaseFlags = Globals & { readonly env?: string };

/** `oneclick lease`: who holds the hosts of the environment, and who has taken them from others. */
export function show(context: Context, _: readonly string[], flags: LeaseFlags): Promise<number> {
  return withOutput(context, flags, (out) =>
    onHosts(context, out, flags, async (hosts, scope) => {
      const [holders, taken] = await Promise.all([leaseHolders(hosts, scope), audits(hosts, scope)]);
      out.reporter.result({ environment: scope.environment, holders, taken }, (document, page) => {
        const past = document.taken.map(
          ({ at, who, run, whose }) => `taken ${at} by ${who}: ended run ${run} of ${whose}\n`,
        );
        if (document.holders.length === 0) return [`nobody holds ${scope.environment}\n`, ...past].join('');
        const holding = table(
          document.holders,
          [
            { title: 'HOST', value: (row) => row.host },
            { title: 'WHO', value: (row) => row.who },
            { title: 'RUN', value: (row) => row.run },
            { title: 'SINCE', value: (row) => row.since },
            { title: 'STEP', value: (row) => row.step, narrow: 'cut' },
          ],
          page,
        );
        return [holding, ...past].join('');
      });
      return 0;
    }),
  );
}

/** `oneclick lease take`: ends the run that holds them; it can send nothing any more. The hosts remember who did it. */
export function take(
  context: Context,
  _: readonly string[],
  flags: LeaseFlags & { yes: boolean },
): Promise<number> {
  return withOutput(context, flags, (out) =>
    onHosts(context, out, flags, async (hosts, scope) => {
      const holders = await leaseHolders(hosts, scope);
      const who = [...new Set(holders.map((holder) => `${holder.who} (run ${holder.run})`))].join(', ');
      if (
        holders.length > 0 &&
        !flags.yes &&
        !(await confirm(`End the run of ${who} where it stands?`, out.ask))
      )
        return 1;
      await remember(context, hosts, scope, holders);
      const ended = await endLeases(hosts, scope);
      out.reporter.result({ environment: scope.environment, ended }, (document) =>
        document.ended.length === 0
          ? `nobody holds ${scope.environment}\n`
          : `ended the run of ${who}; see what it left: oneclick status\n`,
      );
      return 0;
    }),
  );
}

/** Written before the run is ended: what cannot be written must not happen unseen. */
async function remember(
  { who, clock }: Context,
  hosts: readonly Host[],
  scope: LeaseScope,
  holders: readonly Holder[],
): Promise<void> {
  const at = clock.now().toISOString();
  await Promise.all(
    holders.map(async (holder) => {
      const audit: Audit = { what: 'lease.take', who, at, run: holder.run, whose: holder.who };
      const { name, labels } = auditVolume(scope, audit);
      await hosts.find((host) => host.name === holder.host)?.engine.ensureVolume(name, labels);
    }),
  );
}

async function onHosts(
  context: Context,
  out: CommandOutput,
  flags: LeaseFlags,
  act: (hosts: readonly Host[], scope: LeaseScope) => Promise<number>,
): Promise<number> {
  const session = await openSession(context, out.reporter, flags);
  const { environment } = session;
  const services = selectWithoutSecrets(environment.services, []);
  return withEnvironment(session, { services, brief: true }, async ({ hosts, ready }) => {
    ready();
    if (hosts.failures.length > 0) return reportProblems(out.reporter, hosts.failures);
    return act([...hosts.connected.values()], {
      project: environment.project,
      environment: environment.name,
    });
  });
}

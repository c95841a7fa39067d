import { withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { openSession } from '../../../app/session.js';
import type { Host } from '../../../host/host.js';
import type { LeaseScope } from '../../../host/lease/lease.js';
import { type CommandOutput, reportProblems } from '../../command-output.js';
import type { EnvironmentFlags } from '../../options.js';

/** Connects to all hosts and resolves to the exit code of `act`, or that of unreachable hosts. */
export async function withHosts(
  context: Context,
  out: CommandOutput,
  flags: EnvironmentFlags,
  act: (hosts: readonly Host[], scope: LeaseScope) => Promise<number>,
): Promise<number> {
  const session = await openSession(context, out.reporter, flags);
  const { environment } = session;
  return withEnvironment(
    session,
    { services: environment.services, brief: true },
    async ({ hosts, ready }) => {
      ready();
      if (hosts.failures.length > 0) return reportProblems(out.reporter, hosts.failures);
      return act([...hosts.connected.values()], {
        project: environment.project,
        environment: environment.name,
      });
    },
  );
}

import { type ConnectedEnvironment, withEnvironment } from '../app/connect.js';
import type { Context } from '../app/context.js';
import { selectOnHosts } from '../app/instances.js';
import { openSession, type Session } from '../app/session.js';
import type { Facts } from '../domain/facts.js';
import type { Service } from '../domain/service.js';
import { type CommandOutput, reportProblems, withOutput } from './command-output.js';
import type { EnvironmentFlags } from './options.js';

/** An environment with the facts of its hosts, for a command that changes nothing. */
export interface EnvironmentView {
  readonly out: CommandOutput;
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly facts: Facts;
  /** All services of the environment, without secrets. */
  readonly services: readonly Service[];
  /** The named services, or all. */
  readonly chosen: readonly Service[];
}

/** How to read an environment. */
export interface ViewOptions {
  /** Whether to compare the secrets of the chosen services with those in their containers; runs their commands. */
  readonly secrets?: boolean;
}

/** Reads the facts of all hosts for `show`; resolves to the exit code, which counts unreachable hosts. */
export function viewEnvironment(
  context: Context,
  names: readonly string[],
  flags: EnvironmentFlags,
  show: (view: EnvironmentView) => Promise<void>,
  { secrets = false }: ViewOptions = {},
): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const { services } = session.environment;
    const chosen = selectOnHosts(services, names, []);
    return withEnvironment(session, { services }, async (connected) => {
      if (secrets) await connected.readSecrets(chosen.flatMap((service) => service.secrets));
      const { facts, problems } = await connected.snapshot();
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return reportProblems(out.reporter, problems);
      await show({ out, session, connected, facts, services, chosen });
      return problems.length > 0 ? reportProblems(out.reporter, problems) : 0;
    });
  });
}

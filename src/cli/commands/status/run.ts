import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { selectWithoutSecrets } from '../../../app/instances.js';
import { type ReadableRun, runReader } from '../../../app/runs.js';
import { openSession, type Session } from '../../../app/session.js';
import { type StatusDocument, type StatusInput, statusDocument } from '../../../app/status.js';
import { unlessAborted } from '../../../domain/abort.js';
import { Failure } from '../../../domain/failure.js';
import type { Host } from '../../../host/host.js';
import { leaseHolders } from '../../../host/lease/lease.js';
import type { Holder } from '../../../host/lease/lease-holder.js';
import { statusText } from '../../../report/status.js';
import type { Page } from '../../../report/style.js';
import { type CommandOutput, reportProblems, withOutput } from '../../command-output.js';
import { interruptible } from '../../interrupts.js';
import type { StatusFlags } from './command.js';

/** Seconds between refreshes by default. */
const defaultInterval = 2;

/** Prints the state that the engines of the hosts report, and any problems. */
export function run(context: Context, names: readonly string[], flags: StatusFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const { every, services: wanted } = watchFlag(names, flags);
    const services = selectWithoutSecrets(session.environment.services, wanted);
    const text = (document: StatusDocument, page: Page) => statusText(document, page, context.clock.now());
    return withEnvironment(session, { services }, async (connected) => {
      const watched = { session, connected, services, runs: runReader(session.project, out.reporter) };
      if (every !== undefined) return watch(out, watched, { text, every });
      const observation = await observe(watched);
      const { facts, problems } = observation;
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return reportProblems(out.reporter, problems);
      out.reporter.result(statusDocument(observation), text);
      return problems.length > 0 ? reportProblems(out.reporter, problems) : 0;
    });
  });
}

/** The named services, and the seconds between refreshes; absent without `--watch`. */
export function watchFlag(
  names: readonly string[],
  { watch }: Pick<StatusFlags, 'watch'>,
): { readonly services: readonly string[]; readonly every?: number } {
  if (watch === undefined) return { services: names };
  return typeof watch === 'number'
    ? { services: names, every: watch }
    : { services: [watch, ...names], every: defaultInterval };
}

/** The sources of a status. */
interface Watched {
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly services: StatusInput['services'];
  readonly runs: () => Promise<readonly ReadableRun[]>;
}

/** Reads everything in parallel; with a signal, reconnects to lost hosts. */
async function observe(
  { session, connected, services, runs: read }: Watched,
  signal?: AbortSignal,
): Promise<StatusInput> {
  const [{ facts, problems }, asked, runs] = await Promise.all([
    connected.snapshot(signal),
    Promise.all([...connected.hosts.connected.values()].map((host) => holderOn(host, session))),
    read(),
  ]);
  const holders = asked.flatMap((answer) => (answer instanceof Failure ? [] : answer));
  // A host that cannot be reached is reported once.
  const silent = asked.flatMap((answer) =>
    answer instanceof Failure && !problems.some(({ host }) => host === answer.host) ? [answer] : [],
  );
  return {
    id: session.id,
    services,
    facts,
    problems: [...problems, ...silent],
    holders,
    runs,
  };
}

async function holderOn(
  host: Host,
  { environment: { project, name } }: Session,
): Promise<readonly Holder[] | Failure> {
  try {
    return await leaseHolders([host], { project, environment: name });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

interface Watching {
  readonly text: (document: StatusDocument, page: Page) => string;
  /** Seconds. */
  readonly every: number;
}

/** Refreshes until interrupted; resolves to the exit code. */
async function watch(
  { reporter, output }: CommandOutput,
  watched: Watched,
  { text, every }: Watching,
): Promise<number> {
  const { clock } = watched.session.context;
  return interruptible(clock, async (cancel) => {
    for (;;) {
      const looked = reporter.busy(`looking at ${watched.session.environment.name}`, { late: true });
      const observation = await unlessAborted(cancel, observe(watched, cancel)).finally(looked);
      reporter.screen(statusDocument(observation), text);
      if (!(await output.stdout.ready())) return 0;
      await clock.sleep(every * 1000, cancel);
    }
  });
}

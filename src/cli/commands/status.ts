import { type ConnectedEnvironment, withEnvironment } from '../../app/connect.js';
import type { Context } from '../../app/context.js';
import { selectWithoutSecrets } from '../../app/instances.js';
import { type ReadableRun, runReader } from '../../app/runs.js';
import { newRun, openSession, type Session } from '../../app/session.js';
import { type StatusDocument, type StatusInput, statusDocument } from '../../app/status.js';
import { unlessAborted } from '../../domain/abort.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import { leaseHolders } from '../../host/lease/lease.js';
import type { Holder } from '../../host/lease/lease-holder.js';
import { statusText } from '../../report/status.js';
import type { Page } from '../../report/style.js';
import { type CommandOutput, reportProblems, withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';
import { interruptible } from '../interrupts.js';

interface StatusFlags extends Globals {
  readonly env?: string;
  /** s; or a service, which was typed where the seconds would stand. */
  readonly watch?: number | string;
}

/** s between two looks, where nobody says. */
const usual = 2;

/** `oneclick status`: what runs where, as the engines of the hosts say, and what is not as it should be. */
export function status(context: Context, names: readonly string[], flags: StatusFlags): Promise<number> {
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

/** The services that were named, and how often they are looked at; once where nothing says so. */
export function watchFlag(
  names: readonly string[],
  { watch }: Pick<StatusFlags, 'watch'>,
): { readonly services: readonly string[]; readonly every?: number } {
  if (watch === undefined) return { services: names };
  return typeof watch === 'number'
    ? { services: names, every: watch }
    : { services: [watch, ...names], every: usual };
}

/** Everything that there is to look at. */
interface Watched {
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly services: StatusInput['services'];
  readonly runs: () => Promise<readonly ReadableRun[]>;
}

/** Looks at everything at once; with a signal, lost hosts are connected to again. */
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
  // A host that says nothing at all is told of once.
  const silent = asked.flatMap((answer) =>
    answer instanceof Failure && !problems.some(({ host }) => host === answer.host) ? [answer] : [],
  );
  return {
    run: newRun(session, 'status'),
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
  /** s */
  readonly every: number;
}

/** Looks again and again, until somebody has seen enough; gives the exit code. */
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

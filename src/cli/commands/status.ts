import { Failure } from '../../domain/failure.js';
import { unlessAborted } from '../../engine/signals.js';
import type { Host } from '../../host/host.js';
import { leaseHolders } from '../../host/lease.js';
import type { Holder } from '../../host/lease-holder.js';
import { type StatusDocument, statusText } from '../../report/status.js';
import type { Page } from '../../report/style.js';
import type { Edge } from '../edge.js';
import { type Field, openField } from '../field.js';
import type { Globals } from '../grammar/flags.js';
import { servicesToLookAt } from '../instances.js';
import { interruptible } from '../interrupts.js';
import { type ReadableRun, runReader } from '../runs.js';
import { newRun, openSession, type Session } from '../session.js';
import { refuse, speaking, type Voice } from '../speak.js';
import { type Sight, statusDocument } from '../status-document.js';

interface StatusFlags extends Globals {
  readonly env?: string;
  /** s; or a service, which was typed where the seconds would stand. */
  readonly watch?: number | string;
}

/** s between two looks, where nobody says. */
const usual = 2;

/** `oneclick status`: what runs where, as the engines of the hosts say, and what is not as it should be. */
export function status(edge: Edge, names: readonly string[], flags: StatusFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await openSession(edge, voice, flags);
    const { every, services: wanted } = watched(names, flags);
    const services = servicesToLookAt(session.environment.services, wanted);
    const done = voice.reporter.busy(`looking at ${session.environment.name}`);
    const field = await openField(session, services);
    const text = (document: StatusDocument, page: Page) => statusText(document, page, edge.clock.now());
    const eye = { session, field, services, runs: runReader(session.project, voice.reporter) };
    try {
      if (every !== undefined) return await watch(voice, eye, { text, done, every });
      const sight = await see(eye).finally(done);
      const { facts, problems } = sight;
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return refuse(voice.reporter, problems);
      voice.reporter.result(statusDocument(sight), text);
      return problems.length > 0 ? refuse(voice.reporter, problems) : 0;
    } finally {
      await field.close();
    }
  });
}

/** The services that were named, and how often they are looked at; once where nothing says so. */
export function watched(
  names: readonly string[],
  { watch }: Pick<StatusFlags, 'watch'>,
): { readonly services: readonly string[]; readonly every?: number } {
  if (watch === undefined) return { services: names };
  return typeof watch === 'number'
    ? { services: names, every: watch }
    : { services: [watch, ...names], every: usual };
}

/** Everything that there is to look at. */
interface Eye {
  readonly session: Session;
  readonly field: Field;
  readonly services: Sight['services'];
  readonly runs: () => Promise<readonly ReadableRun[]>;
}

/** Looks at everything at once; with a signal, lost hosts are connected to again. */
async function see({ session, field, services, runs: read }: Eye, signal?: AbortSignal): Promise<Sight> {
  const [{ facts, problems }, asked, runs] = await Promise.all([
    field.look(signal),
    Promise.all([...field.hosts.connected.values()].map((host) => holderOn(host, session))),
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
  /** The first screen is there. */
  readonly done: () => void;
  /** s */
  readonly every: number;
}

/** Looks again and again, until somebody has seen enough; gives the exit code. */
async function watch(
  { reporter, output }: Voice,
  eye: Eye,
  { text, done, every }: Watching,
): Promise<number> {
  const { clock } = eye.session.edge;
  return interruptible(clock, async (cancel) => {
    for (;;) {
      const looked = reporter.busy(`looking at ${eye.session.environment.name}`, { late: true });
      const sight = await unlessAborted(cancel, see(eye, cancel)).finally(looked);
      done();
      reporter.screen(statusDocument(sight), text);
      if (!(await output.stdout.ready())) return 0;
      await clock.sleep(every * 1000, cancel);
    }
  }).finally(done);
}

import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { copyFiles } from '../../../app/copy/copy.js';
import { type Copy, parseCopy } from '../../../app/copy/copy-arguments.js';
import { CopyCount } from '../../../app/copy/copy-count.js';
import { copyInstances } from '../../../app/copy/copy-instances.js';
import { CopyProgress } from '../../../app/copy/progress.js';
import { isLocalFolder } from '../../../app/copy/resolve-destination.js';
import { namingEnd, whyEnded } from '../../../app/ended-container.js';
import { runningContainer, type ServiceInstance, serviceInstances } from '../../../app/instances.js';
import { openSession, type Session } from '../../../app/session.js';
import { exitCode, Failure } from '../../../domain/failure.js';
import { bytes, count } from '../../../domain/measure.js';
import { table } from '../../../report/table.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import { interruptible } from '../../interrupts.js';
import type { CpFlags } from './command.js';

export function run(context: Context, args: readonly string[], flags: CpFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const copy = parseCopy(args);
    const session = await openSession(context, out.reporter, flags);
    const service = copyInstances(session.environment.services, copy, flags);
    if (!copy.out) await isLocalFolder(context.cwd, copy.local);
    const request = {
      ...{ services: [service], busy: `checking ${service.name}`, brief: true },
    };
    return withEnvironment(session, request, (connected) =>
      interruptible(context.clock, async (signal) => {
        const { facts, problems } = await connected.snapshot();
        const places = serviceInstances(facts, session.id, [service]);
        return copyOnAll({ context, out, session, connected, copy, signal }, places, problems);
      }),
    );
  });
}

interface Job {
  readonly context: Context;
  readonly out: CommandOutput;
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly copy: Copy;
  readonly signal: AbortSignal;
}

/** The result of the copy at one instance. */
interface Copied {
  readonly host: string;
  readonly files: number;
  readonly bytes: number;
  /** Why the copy is missing or incomplete. */
  readonly problem: string | null;
}

/** Copies at all instances at once; one failure does not stop the others. */
async function copyOnAll(
  job: Job,
  places: readonly ServiceInstance[],
  problems: readonly Failure[],
): Promise<number> {
  const { copy, out, signal } = job;
  const failures: Failure[] = [];
  const copies = await Promise.all(
    places.map(async (place): Promise<Copied> => {
      const host = place.instance.host;
      const tally = new CopyCount();
      try {
        const known = problems.find((problem) => problem.host === host);
        if (known !== undefined) throw known;
        await copyOn(job, place, tally);
        return { host, files: tally.files, bytes: tally.bytes, problem: null };
      } catch (error) {
        if (!(error instanceof Failure) || signal.aborted || places.length === 1) throw error;
        failures.push(error);
        return { host, files: tally.files, bytes: tally.bytes, problem: error.message };
      }
    }),
  );
  const { service, path } = copy.remote;
  const document = { service, direction: copy.out ? 'out' : 'in', here: copy.local, there: path, copies };
  out.reporter.result(document, ({ copies: rows }, page) => {
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return `${copyText(copy, only)}\n`;
    return table(
      rows,
      [
        { title: 'HOST', value: (row) => row.host },
        { title: 'FILES', value: (row) => String(row.files), align: 'right' },
        { title: 'SIZE', value: (row) => bytes(row.bytes), align: 'right' },
        { title: 'PROBLEM', value: (row) => row.problem ?? '', narrow: 'wrap' },
      ],
      page,
    );
  });
  return exitCode(failures.map(({ kind }) => kind));
}

/** `copied 3 files (1.2 MB) from web on web-1 to ./logs`. */
function copyText({ out, local, remote }: Copy, copy: Copied): string {
  const copied = `copied ${count(copy.files, 'file')} (${bytes(copy.bytes)})`;
  const instance = `${remote.service} on ${copy.host}`;
  return out ? `${copied} from ${instance} to ${local}` : `${copied} to ${instance}, ${remote.path}`;
}

async function copyOn(
  { context, out, session, connected, copy, signal }: Job,
  place: ServiceInstance,
  tally: CopyCount,
): Promise<void> {
  const { host, container } = runningContainer(
    connected.ports,
    place,
    'find running instances with oneclick status',
  );
  const source = copy.out ? copy.remote.path : copy.local;
  const progress = new CopyProgress(context.clock, out.reporter, `copying ${source} (${host.name})`);
  const ends = { engine: host.engine, container, cwd: context.cwd };
  const ended = { session, connected, place };
  const options = {
    count: tally,
    observe: (chunks: AsyncIterable<Buffer>) => progress.track(chunks),
    signal,
  };
  try {
    await namingEnd(ended, () => copyFiles(copy, ends, options));
  } finally {
    progress.end();
  }
  // The engine also copies into a stopped container.
  const reason = copy.out ? undefined : await whyEnded(ended, 1);
  if (reason !== undefined) out.output.stderr.write(`${reason}: the copied files are in the old container\n`);
}

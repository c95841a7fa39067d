import { requireKnown } from '../../../app/choose-services.js';
import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { copyFiles } from '../../../app/copy/copy.js';
import { lookHere } from '../../../app/copy/ends.js';
import { Progress } from '../../../app/copy/progress.js';
import { type Copy, copyOf } from '../../../app/copy/sides.js';
import { Tally } from '../../../app/copy/tally.js';
import {
  oneService,
  runningContainer,
  type ServiceInstance,
  serviceInstances,
} from '../../../app/instances.js';
import { openSession } from '../../../app/session.js';
import { exitCode, Failure } from '../../../domain/failure.js';
import { bytes, count } from '../../../domain/measure.js';
import type { Service } from '../../../domain/service.js';
import { table } from '../../../report/table.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import { interruptible } from '../../interrupts.js';
import type { CpFlags } from './command.js';

export function run(context: Context, words: readonly string[], flags: CpFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const copy = copyOf(words);
    const session = await openSession(context, out.reporter, flags);
    const service = chosenInstances(session.environment.services, copy, flags);
    if (!copy.out) await lookHere(context.cwd, copy.here);
    const request = {
      services: [{ ...service, secrets: [] }],
      ...{ busy: `looking for ${service.name}`, brief: true },
    };
    return withEnvironment(session, request, (connected) =>
      interruptible(context.clock, async (signal) => {
        const { facts, problems } = await connected.snapshot();
        const places = serviceInstances(facts, session.id, [service]);
        return copyAtAll({ context, out, connected, copy, signal }, places, problems);
      }),
    );
  });
}

/** The service with the instances to copy from or to. Throws usage failures that name the known ones. */
export function chosenInstances(
  services: readonly Service[],
  { out, there: { service: name, number } }: Pick<Copy, 'out' | 'there'>,
  { host, all }: Pick<CpFlags, 'host' | 'all'>,
): Service {
  const service = oneService(services, name);
  const chosen = [all ? '--all' : [], host === undefined ? [] : '--host', number ? `${name}/${number}` : []];
  const [first, second] = chosen.flat();
  const usage = (code: string, message: string, hint: string) =>
    new Failure('usage', code, message, { hint });
  if (second !== undefined)
    throw usage('arguments', `${first} cannot be combined with ${second}`, 'remove one of them');
  if (all && out)
    throw usage('arguments', '--all only copies into containers', `copy from one at a time: ${name}/1:/path`);
  if (all) return service;
  const hosts = service.instances.map((instance) => instance.host);
  if (host !== undefined) requireKnown('host', host, hosts);
  const instance = service.instances[host === undefined ? (number ?? 1) - 1 : hosts.indexOf(host)];
  if (instance !== undefined) return { ...service, instances: [instance] };
  const last = `${name} has ${hosts.length}: ${name}/1 is on ${hosts[0] ?? 'no host'}`;
  throw usage('instance.unknown', `there is no instance ${name}/${number ?? 1}`, last);
}

interface Job {
  readonly context: Context;
  readonly out: CommandOutput;
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
async function copyAtAll(
  job: Job,
  places: readonly ServiceInstance[],
  problems: readonly Failure[],
): Promise<number> {
  const { copy, out, signal } = job;
  const failures: Failure[] = [];
  const copies = await Promise.all(
    places.map(async (place): Promise<Copied> => {
      const host = place.instance.host;
      const tally = new Tally();
      try {
        const known = problems.find((problem) => problem.host === host);
        if (known !== undefined) throw known;
        await copyAt(job, place, tally);
        return { host, files: tally.files, bytes: tally.bytes, problem: null };
      } catch (error) {
        if (!(error instanceof Failure) || signal.aborted || places.length === 1) throw error;
        failures.push(error);
        return { host, files: tally.files, bytes: tally.bytes, problem: error.message };
      }
    }),
  );
  const { service, path } = copy.there;
  const document = { service, direction: copy.out ? 'out' : 'in', here: copy.here, there: path, copies };
  out.reporter.result(document, ({ copies: rows }, page) => {
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return `${sentence(copy, only)}\n`;
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
function sentence({ out, here, there }: Copy, copy: Copied): string {
  const what = `copied ${count(copy.files, 'file')} (${bytes(copy.bytes)})`;
  const where = `${there.service} on ${copy.host}`;
  return out ? `${what} from ${where} to ${here}` : `${what} to ${where}, ${there.path}`;
}

async function copyAt(
  { context, out, connected, copy, signal }: Job,
  place: ServiceInstance,
  tally: Tally,
): Promise<void> {
  const { host, container } = runningContainer(
    connected.ports,
    place,
    'find running instances with oneclick status',
  );
  const what = copy.out ? copy.there.path : copy.here;
  const progress = new Progress(context.clock, out.reporter, `copying ${what} (${host.name})`);
  const ends = { engine: host.engine, container, cwd: context.cwd };
  try {
    await copyFiles(copy, ends, { tally, pass: (chunks) => progress.of(chunks), signal });
  } finally {
    progress.end();
  }
}

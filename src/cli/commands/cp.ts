import { exitCode, Failure } from '../../domain/failure.js';
import type { Service } from '../../domain/service.js';
import { bytes } from '../../report/measure.js';
import { table } from '../../report/table.js';
import { count } from '../../report/text.js';
import { refuseUnknown } from '../choice.js';
import { copyFiles } from '../copy/copy.js';
import { lookHere } from '../copy/ends.js';
import { Progress } from '../copy/progress.js';
import { type Copy, copyOf } from '../copy/sides.js';
import { Tally } from '../copy/tally.js';
import type { Edge } from '../edge.js';
import { type Field, openField } from '../field.js';
import type { Globals } from '../grammar/flags.js';
import { oneService, type Place, placesOf, runningAt } from '../instances.js';
import { interruptible } from '../interrupts.js';
import { newRun, openSession } from '../session.js';
import { busyOnTerminal, speaking, type Voice } from '../speak.js';

export interface CpFlags extends Globals {
  readonly env?: string;
  readonly host?: string;
  readonly all: boolean;
}

/** `oneclick cp`: files from here into containers, or from a container to here. */
export function cp(edge: Edge, words: readonly string[], flags: CpFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const copy = copyOf(words);
    const session = await openSession(edge, voice, flags);
    const service = chosenInstances(session.environment.services, copy, flags);
    if (!copy.out) await lookHere(edge.cwd, copy.here);
    const done = busyOnTerminal(voice, `looking for ${service.name}`);
    const field = await openField(session, [{ ...service, secrets: [] }]).catch((error: unknown) => {
      done();
      throw error;
    });
    return interruptible(edge.clock, async (signal) => {
      const { facts, problems } = await field.look().finally(done);
      const places = placesOf(facts, newRun(session, 'cp'), [service]);
      return everywhere({ edge, voice, field, copy, signal }, places, problems);
    }).finally(() => field.close());
  });
}

/** The service with the instances that the copy is about. Throws usage failures that say what there is. */
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
    throw usage('arguments', `${first} and ${second} exclude each other`, 'give one of them');
  if (all && out)
    throw usage('arguments', '--all is for copies into containers', `take them one by one: ${name}/1:/path`);
  if (all) return service;
  const hosts = service.instances.map((instance) => instance.host);
  if (host !== undefined) refuseUnknown('host', host, hosts);
  const instance = service.instances[host === undefined ? (number ?? 1) - 1 : hosts.indexOf(host)];
  if (instance !== undefined) return { ...service, instances: [instance] };
  const last = `${name} has ${hosts.length}: ${name}/1 is on ${hosts[0] ?? 'no host'}`;
  throw usage('instance.unknown', `there is no instance ${name}/${number ?? 1}`, last);
}

interface Job {
  readonly edge: Edge;
  readonly voice: Voice;
  readonly field: Field;
  readonly copy: Copy;
  readonly signal: AbortSignal;
}

/** What was copied at one instance. */
interface Copied {
  readonly host: string;
  readonly files: number;
  readonly bytes: number;
  /** Why it was not, or not all. */
  readonly problem: string | null;
}

/** At all places at once; a failure at one does not keep the others from going on. */
async function everywhere(job: Job, places: readonly Place[], problems: readonly Failure[]): Promise<number> {
  const { copy, voice, signal } = job;
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
  voice.reporter.result(document, ({ copies: rows }, page) => {
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

async function copyAt({ edge, voice, field, copy, signal }: Job, place: Place, tally: Tally): Promise<void> {
  const { host, container } = runningAt(field.world, place, 'see where it does: oneclick status');
  const what = copy.out ? copy.there.path : copy.here;
  const progress = new Progress(edge.clock, voice, `copying ${what} (${host.name})`);
  const ends = { engine: host.engine, container, cwd: edge.cwd };
  try {
    await copyFiles(copy, ends, { tally, pass: (chunks) => progress.of(chunks), signal });
  } finally {
    progress.end();
  }
}

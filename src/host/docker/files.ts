import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { PathFacts } from '../host.js';
import type { EngineCalls } from './engine-calls.js';
import { broken } from './read-logs.js';
import { StallWatch } from './stall.js';

/** ms */
const stallsAfter = 60_000;

/** Bits of a mode as Go's `fs.FileMode` has them, which is what the engine sends. */
const bits = { folder: 1 << 31, link: 1 << 27 };

const Stat = z.object({
  name: z.string(),
  size: z.number().nonnegative(),
  mode: z.number(),
  linkTarget: z.string().nullish(),
});

/** Where something is copied to or from, until the signal. */
export interface FileRequest {
  readonly container: string;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

/** See `Engine.pathFacts`. */
export async function pathFacts(
  calls: EngineCalls,
  host: string,
  container: string,
  path: string,
): Promise<PathFacts | undefined> {
  const doing = `looking at ${path} in ${container}`;
  const request = { path: `/containers/${container}/archive`, query: { path } };
  const header = await calls.header(doing, 'x-docker-container-path-stat', request);
  if (header === undefined) return undefined;
  const { name, size, mode, linkTarget } = parseStat(header, host, doing);
  return {
    ...{ name, size, isFolder: (mode & bits.folder) !== 0 },
    ...((mode & bits.link) !== 0 && linkTarget ? { link: linkTarget } : {}),
  };
}

function parseStat(header: string, host: string, doing: string): z.infer<typeof Stat> {
  try {
    return Stat.parse(JSON.parse(Buffer.from(header, 'base64').toString()));
  } catch (cause) {
    throw new Failure('failed', 'engine.nonsense', `${doing}: the engine says nothing that can be read`, {
      ...{ host, cause },
    });
  }
}

/** See `Engine.readFiles`. */
export async function readFiles(
  calls: EngineCalls,
  host: string,
  clock: Clock,
  { container, path, signal }: FileRequest,
  take: (archive: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const doing = `copying ${path} out of ${container}`;
  const query = { path };
  const request = { method: 'GET', path: `/containers/${container}/archive`, query, stream: true } as const;
  await whileItFlows(clock, host, doing, (stall) => {
    const asking = { deadline: Number.POSITIVE_INFINITY, signals: [signal, stall.signal] };
    return calls.read(doing, request, asking, (stream) => take(heard(broken(stream, host, doing), stall)));
  });
}

/** See `Engine.writeFiles`. */
export async function writeFiles(
  calls: EngineCalls,
  host: string,
  clock: Clock,
  { container, path, signal }: FileRequest,
  archive: AsyncIterable<Buffer>,
): Promise<void> {
  const doing = `copying into ${path} of ${container}`;
  await whileItFlows(clock, host, doing, async (stall) => {
    const body = Readable.from(heard(archive, stall), { objectMode: false });
    const query = { path, noOverwriteDirNonDir: 'true' };
    const request = {
      method: 'PUT',
      path: `/containers/${container}/archive`,
      query,
      archive: body,
    } as const;
    try {
      await calls.ask(doing, request, {
        ...{ deadline: Number.POSITIVE_INFINITY, signals: [signal, stall.signal] },
      });
    } finally {
      body.destroy();
    }
  });
}

async function whileItFlows(
  clock: Clock,
  host: string,
  doing: string,
  act: (stall: StallWatch) => Promise<void>,
): Promise<void> {
  const stalled = () =>
    new Failure('unreachable', 'copy.stalled', `${doing}: nothing moved for ${stallsAfter / 1000} s`, {
      host,
    });
  const stall = new StallWatch(clock, stallsAfter, doing, stalled);
  try {
    await act(stall);
  } finally {
    stall.end();
  }
}

async function* heard(archive: AsyncIterable<Buffer>, stall: StallWatch): AsyncGenerator<Buffer> {
  for await (const chunk of archive) {
    stall.hear('');
    yield chunk;
  }
}

import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { PathFacts } from '../host.js';
import type { EngineCalls } from './engine-calls.js';
import { withFailures } from './read-logs.js';
import { StallWatch } from './stall.js';

/** ms */
const stallTimeout = 60_000;

/** Bits of Go's `fs.FileMode`, which the engine sends. */
const bits = { folder: 1 << 31, link: 1 << 27 };

const Stat = z.object({
  name: z.string(),
  size: z.number().nonnegative(),
  mode: z.number(),
  linkTarget: z.string().nullish(),
});

/** A path in a container to copy from or to. */
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
  const action = `check ${path} in ${container}`;
  const request = { path: `/containers/${container}/archive`, query: { path } };
  const header = await calls.header(action, 'x-docker-container-path-stat', request);
  if (header === undefined) return undefined;
  const { name, size, mode, linkTarget } = parseStat(header, host, action);
  return {
    ...{ name, size, isFolder: (mode & bits.folder) !== 0 },
    ...((mode & bits.link) !== 0 && linkTarget ? { link: linkTarget } : {}),
  };
}

function parseStat(header: string, host: string, action: string): z.infer<typeof Stat> {
  try {
    return Stat.parse(JSON.parse(Buffer.from(header, 'base64').toString()));
  } catch (cause) {
    throw new Failure('failed', 'engine.nonsense', `cannot ${action}: the engine returned invalid data`, {
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
  consume: (archive: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const action = `copy ${path} from ${container}`;
  const query = { path };
  const request = { method: 'GET', path: `/containers/${container}/archive`, query, stream: true } as const;
  await untilStalled(clock, host, action, (stall) => {
    const callOptions = { deadline: Number.POSITIVE_INFINITY, signals: [signal, stall.signal] };
    return calls.read(action, request, callOptions, (stream) =>
      consume(watched(withFailures(stream, host, action), stall)),
    );
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
  const action = `copy to ${path} in ${container}`;
  await untilStalled(clock, host, action, async (stall) => {
    const body = Readable.from(watched(archive, stall), { objectMode: false });
    const query = { path, noOverwriteDirNonDir: 'true' };
    const request = {
      method: 'PUT',
      path: `/containers/${container}/archive`,
      query,
      archive: body,
    } as const;
    try {
      await calls.send(action, request, {
        ...{ deadline: Number.POSITIVE_INFINITY, signals: [signal, stall.signal] },
      });
    } finally {
      body.destroy();
    }
  });
}

async function untilStalled(
  clock: Clock,
  host: string,
  action: string,
  act: (stall: StallWatch) => Promise<void>,
): Promise<void> {
  const stalled = () =>
    new Failure('unreachable', 'copy.stalled', `cannot ${action}: no data for ${stallTimeout / 1000} s`, {
      host,
    });
  const stall = new StallWatch(clock, stallTimeout, action, stalled);
  try {
    await act(stall);
  } finally {
    stall.end();
  }
}

async function* watched(archive: AsyncIterable<Buffer>, stall: StallWatch): AsyncGenerator<Buffer> {
  for await (const chunk of archive) {
    stall.reset('');
    yield chunk;
  }
}

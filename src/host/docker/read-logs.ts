import { z } from 'zod';
import { Failure } from '../../domain/failure.js';
import type { LogLine, LogOptions } from '../host.js';
import type { CallOptions, EngineCalls } from './engine-calls.js';
import { Frames, LogLines } from './log-frames.js';
import { unreadableLog } from './unreadable-log.js';

const Inspected = z.object({
  Name: z.string().nullish(),
  Config: z.object({ Tty: z.boolean().nullish() }),
  HostConfig: z
    .object({
      LogConfig: z
        .object({ Type: z.string().nullish(), Config: z.record(z.string(), z.string()).nullish() })
        .nullish(),
    })
    .nullish(),
});

/** See `Engine.readLogs`. */
export async function readLogs(
  calls: EngineCalls,
  host: string,
  container: string,
  { follow, lines, since }: LogOptions,
  onLines: (lines: readonly LogLine[]) => Promise<void>,
  callOptions: CallOptions,
): Promise<void> {
  const action = `read the logs of ${container}`;
  const inspected = await calls.get(action, `/containers/${container}/json`, Inspected);
  const name = inspected.Name?.replace(/^\//, '') || container;
  const raw = inspected.Config.Tty === true;
  const query = {
    ...{ stdout: 'true', stderr: 'true', timestamps: 'true', follow: String(follow) },
    tail: lines === undefined ? 'all' : String(lines),
    ...(since === undefined ? {} : { since: unixTime(since) }),
  };
  const request = { method: 'GET', path: `/containers/${container}/logs`, query, stream: true } as const;
  const read = calls.read(action, request, callOptions, async (stream) => {
    const [frames, whole] = [new Frames(raw), new LogLines(raw)];
    await onLines([]);
    for await (const chunk of withFailures(stream, host, `read the logs of ${name}`))
      await onLines(whole.take(frames.take(chunk)));
    await onLines(whole.end());
  });
  await read.catch((error: unknown) => {
    const { Type, Config } = inspected.HostConfig?.LogConfig ?? {};
    throw isUnreadable(error)
      ? unreadableLog(host, name, { type: Type ?? 'unknown', options: Config ?? {} }, error)
      : error;
  });
}

/** The engine answers with status 501, or 500 if it is old. A retry cannot help. */
const isUnreadable = (error: unknown) =>
  error instanceof Failure && /logging driver does not support reading/i.test(error.message);

/** Yields the stream; throws a Failure of kind `unreachable` if it breaks. */
export async function* withFailures(
  stream: AsyncIterable<Buffer>,
  host: string,
  action: string,
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(
      'unreachable',
      'engine.down',
      `cannot ${action}: the engine closed the stream: ${detail}`,
      {
        ...{ host, cause, transient: true },
      },
    );
  }
}

/** Converts RFC 3339 to the engine's format: Unix seconds with nine decimals. */
export function unixTime(time: string): string {
  const [, whole = time, fraction = ''] = /^(.*:\d\d)(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  const zone = time.slice(whole.length).replace(/^\.\d+/, '');
  return `${Math.floor(Date.parse(whole + zone) / 1000)}.${fraction.padEnd(9, '0').slice(0, 9)}`;
}

import type { Clock } from '../../domain/clock.js';
import type { ContainerFacts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { SeenLines } from '../../host/docker/seen-lines.js';
import type { Host, LogLine, LogOptions } from '../../host/host.js';

/** A container and its host. */
export interface LogSource {
  readonly host: Host;
  readonly container: ContainerFacts;
}

/** The dependencies of {@link followInstance}. */
export interface FollowPorts {
  readonly clock: Clock;
  /**
   * Returns the serving container, if any, reconnecting to its host if needed. Throws a Failure of kind `unreachable` if
   * that is not possible.
   */
  find(signal: AbortSignal): Promise<LogSource | undefined>;
  /** Takes lines of a container; resolves when more can be taken. */
  write(lines: readonly LogLine[], container: ContainerFacts): Promise<void>;
  /** Reports events such as a lost connection. */
  notify(text: string): void;
}

/** First and longest delay between attempts, ms. */
const retryDelays = [200, 5000] as const;
/** ms; an engine records the start of a container slightly after its first lines. */
const startTolerance = 1000;

/**
 * Follows the logs of one instance across lost connections, engine restarts and new releases, without losing or repeating
 * lines. Rejects with the reason of `signal`, or with a Failure that retries cannot fix.
 */
export async function followInstance(
  first: LogSource | undefined,
  options: LogOptions,
  ports: FollowPorts,
  signal: AbortSignal,
): Promise<never> {
  let source = first ?? (await waitForSource(ports, signal));
  let seen = new SeenLines(options, ports.clock.now().toISOString());
  /** The message of the Failure since the last answer, reported once. */
  let reported: string | undefined;
  let attempts = 0;
  const answered = () => {
    if (reported !== undefined) ports.notify('connected again');
    reported = undefined;
    attempts = 0;
  };
  for (;;) {
    const failure = await read(source, seen, ports, answered, signal);
    signal.throwIfAborted();
    if (failure !== undefined && failure.message !== reported) {
      ports.notify(`${failure.message}; reconnecting`);
      reported = failure.message;
    }
    const waiting = failure === undefined ? 'the container exited; waiting for the next one' : '';
    const next = await waitForSource(ports, signal, waiting, attempts);
    attempts = failure === undefined ? 0 : attempts + 1;
    if (next.container.id !== source.container.id) {
      ports.notify(`following ${next.container.name}`);
      seen = new SeenLines({ follow: true, ...logStart(next.container, seen.last) }, '');
      reported = undefined;
      attempts = 0;
    }
    source = next;
  }
}

/** Returns the Failure that interrupted reading; undefined at the end of the log. Throws permanent errors. */
async function read(
  { host, container }: LogSource,
  seen: SeenLines,
  { write }: FollowPorts,
  onAnswer: () => void,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  try {
    const onLines = (lines: readonly LogLine[]) => {
      onAnswer();
      return write(seen.unseen(lines), container);
    };
    await host.engine.readLogs(container.id, seen.options(), onLines, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return transientFailure(error);
  }
}

/** Returns a transient Failure, or undefined for a removed container. Throws other errors. */
function transientFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Failure)) throw error;
  if (error.code === 'container.not-found') return undefined;
  if (error.kind === 'unreachable' || error.transient) return error;
  throw error;
}

async function waitForSource(
  { clock, find, notify }: FollowPorts,
  signal: AbortSignal,
  waiting = 'no container is running; waiting for one',
  attempts = 0,
): Promise<LogSource> {
  let isReported = waiting === '';
  const first = Math.min(retryDelays[0] * 1.5 ** attempts, retryDelays[1]);
  for (let pause = first; ; pause = Math.min(pause * 1.5, retryDelays[1])) {
    await clock.sleep(pause, signal);
    try {
      const source = await find(signal);
      if (source !== undefined) return source;
      if (!isReported) notify(waiting);
      isReported = true;
    } catch (error) {
      signal.throwIfAborted();
      transientFailure(error);
    }
  }
}

/** Skips old lines of a container that ran before. */
function logStart({ started }: ContainerFacts, last: string | undefined): { since?: string } {
  const start =
    started === undefined ? undefined : new Date(Date.parse(started) - startTolerance).toISOString();
  const since = [start, last].filter((time) => time !== undefined).sort();
  return since.length === 0 ? {} : { since: since.at(-1) ?? '' };
}

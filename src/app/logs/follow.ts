import type { Clock } from '../../domain/clock.js';
import type { ContainerFacts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { SeenLines } from '../../host/docker/seen-lines.js';
import type { Host, LogLine, LogOptions } from '../../host/host.js';

/** A container whose log is read, and where it is. */
export interface Source {
  readonly host: Host;
  readonly container: ContainerFacts;
}

/** What following needs of the world. */
export interface FollowPorts {
  readonly clock: Clock;
  /**
   * The container that serves now, undefined when there is none; connects again where the connection is lost. Throws
   * a Failure of kind `unreachable` when that is not possible.
   */
  find(signal: AbortSignal): Promise<Source | undefined>;
  /** Takes lines, with the container that wrote them; resolves when there is room for more. */
  take(lines: readonly LogLine[], container: ContainerFacts): Promise<void>;
  /** Says what a person should know: that a connection is lost, that it goes on. */
  say(text: string): void;
}

/** Before each look whether it is back; grows to the second. ms */
const pauses = [200, 5000] as const;
/** An engine notes that a container has started a moment after its first lines. ms */
const early = 1000;

/**
 * Follows the logs of one instance until `signal` is aborted, which it rejects with: through lost connections and
 * engines that restart, without losing or repeating a line, and from one release to the next.
 */
export async function followInstance(
  first: Source | undefined,
  options: LogOptions,
  ports: FollowPorts,
  signal: AbortSignal,
): Promise<never> {
  let source = first ?? (await untilFound(ports, signal));
  let seen = new SeenLines(options, ports.clock.now().toISOString());
  for (;;) {
    const failure = await read(source, seen, ports, signal);
    signal.throwIfAborted();
    if (failure !== undefined) ports.say(`${failure.message}; goes on when it is back`);
    const next = await untilFound(ports, signal, failure === undefined ? 'it ended; waits for the next' : '');
    if (next.container.id !== source.container.id) {
      ports.say(`goes on with ${next.container.name}`);
      seen = new SeenLines({ follow: true, ...begin(next.container, seen.last) }, '');
    } else if (failure !== undefined) ports.say('goes on');
    source = next;
  }
}

/** The failure that broke it off; undefined when the log has ended. Throws what another try would not help. */
async function read(
  { host, container }: Source,
  seen: SeenLines,
  { take }: FollowPorts,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  try {
    const onLines = (lines: readonly LogLine[]) => take(seen.unseen(lines), container);
    await host.engine.readLogs(container.id, seen.options(), onLines, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return passing(error);
  }
}

/** Throws what does not pass by itself; a container that is gone has ended. */
function passing(error: unknown): Failure | undefined {
  if (!(error instanceof Failure)) throw error;
  if (error.code === 'container.not-found') return undefined;
  if (error.kind === 'unreachable' || error.passing) return error;
  throw error;
}

async function untilFound(
  { clock, find, say }: FollowPorts,
  signal: AbortSignal,
  waiting = 'nothing runs yet; waits for it',
): Promise<Source> {
  let said = waiting === '';
  for (let pause: number = pauses[0]; ; pause = Math.min(pause * 1.5, pauses[1])) {
    await clock.sleep(pause, signal);
    try {
      const source = await find(signal);
      if (source !== undefined) return source;
      if (!said) say(waiting);
      said = true;
    } catch (error) {
      signal.throwIfAborted();
      passing(error);
    }
  }
}

/** Where the log of a container that has taken over begins: a kept one has lines of its former life. */
function begin({ started }: ContainerFacts, last: string | undefined): { since?: string } {
  const start = started === undefined ? undefined : new Date(Date.parse(started) - early).toISOString();
  const since = [start, last].filter((time) => time !== undefined).sort();
  return since.length === 0 ? {} : { since: since.at(-1) ?? '' };
}

/** An output stream. */
export interface Sink {
  write(text: string): void;
  /** Writes bytes unchanged and unredacted: the output of other programs, which may be binary. */
  writeRaw(data: Buffer): void;
  /** Resolves to true when more can be written, to false when the reader is gone. */
  ready(): Promise<boolean>;
  /** The current terminal width; infinite without a terminal. */
  readonly columns: number;
  readonly color: boolean;
}

/** The output of a command: results on stdout, progress and errors on stderr. */
export interface Output {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The current terminal height. */
  readonly rows: number;
  /** Whether stderr is a terminal outside CI. */
  readonly attended: boolean;
  /** Whether lines can be redrawn: attended, and not a dumb terminal. */
  readonly interactive: boolean;
  /** Removes secrets. Sinks apply it to every text; apply it first to texts that will be cut. */
  redact(text: string): string;
  /** Calls `restore` when the process exits; returns a function that cancels this. */
  atExit(restore: () => void): () => void;
}

/** The part of a Node stream that {@link processOutput} needs. */
interface ProcessStream {
  write(data: string | Buffer): unknown;
  on(event: 'drain' | 'error', listener: () => void): unknown;
  readonly writableNeedDrain?: boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The part of the process that {@link processOutput} needs. */
export interface OutputProcess {
  readonly stdout: ProcessStream;
  readonly stderr: ProcessStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  once(event: 'exit', listener: () => void): unknown;
  removeListener(event: 'exit', listener: () => void): unknown;
}

/**
 * Returns the output of this process. Color follows NO_COLOR and FORCE_COLOR (https://no-color.org,
 * https://force-color.org), then whether the stream is a terminal. Calls `beforeWrite` before each write.
 */
export function processOutput(
  process: OutputProcess,
  redact: (text: string) => string,
  beforeWrite: () => void = () => undefined,
): Output {
  const { env } = process;
  const attended = process.stderr.isTTY === true && !isCi(env);
  const sink = (stream: ProcessStream): Sink => ({
    write: (text) => {
      beforeWrite();
      stream.write(redact(text));
    },
    writeRaw: (data) => {
      beforeWrite();
      stream.write(data);
    },
    ready: readinessOf(stream),
    get columns() {
      return stream.isTTY === true ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY;
    },
    color: wantsColor(stream, env),
  });
  return {
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    get rows() {
      return process.stderr.rows ?? 24;
    },
    attended,
    interactive: attended && env.TERM !== 'dumb',
    redact,
    atExit: (restore) => {
      process.once('exit', restore);
      return () => process.removeListener('exit', restore);
    },
  };
}

/** Whether the variable CI marks this as a CI job. */
export function isCi({ CI }: OutputProcess['env']): boolean {
  return CI !== undefined && !['', '0', 'false'].includes(CI.toLowerCase());
}

/** See {@link Sink.ready}. */
function readinessOf(stream: ProcessStream): () => Promise<boolean> {
  const waiting = new Set<(more: boolean) => void>();
  let gone = false;
  const wake = () => {
    for (const resume of waiting) resume(!gone);
    waiting.clear();
  };
  stream.on('drain', wake);
  stream.on('error', () => {
    gone = true;
    wake();
  });
  return () =>
    new Promise((resolve) => {
      if (gone || stream.writableNeedDrain !== true) resolve(!gone);
      else waiting.add(resolve);
    });
}

function wantsColor(stream: ProcessStream, env: OutputProcess['env']): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

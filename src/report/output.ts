/** One stream that people or programs read. */
export interface Sink {
  write(text: string): void;
  /** Bytes as they are, secrets and all: for what another program says to its reader, which may be no text. */
  pass(data: Buffer): void;
  /** Resolves when more may be written: true, or false once nobody reads any more. */
  ready(): Promise<boolean>;
  /** The width of the terminal now; infinite where there is none. */
  readonly columns: number;
  readonly colour: boolean;
}

/** Where a command speaks: results on stdout, progress and errors on stderr. */
export interface Output {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The height of the terminal now. */
  readonly rows: number;
  /** Whether a person reads this: stderr is a terminal, and no CI. */
  readonly attended: boolean;
  /** Whether lines may be drawn over: somebody reads this, on a terminal that can. */
  readonly interactive: boolean;
  /** Takes secrets out of a text. All that is written went through it; texts that get cut go through it before. */
  redact(text: string): string;
  /** Calls `restore` when the process exits, however that comes; gives back how to forget it. */
  atExit(restore: () => void): () => void;
}

/** What {@link processOutput} needs of a stream of Node. */
interface ProcessStream {
  write(data: string | Buffer): unknown;
  on(event: 'drain' | 'error', listener: () => void): unknown;
  /** Whether `drain` is to be waited for. */
  readonly writableNeedDrain?: boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What {@link processOutput} needs of the process. */
export interface OutputProcess {
  readonly stdout: ProcessStream;
  readonly stderr: ProcessStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  once(event: 'exit', listener: () => void): unknown;
  removeListener(event: 'exit', listener: () => void): unknown;
}

/**
 * The output of this process. Colour follows NO_COLOR and FORCE_COLOR (https://no-color.org,
 * https://force-color.org), then whether the stream is a terminal. `before` is called before anything is written.
 */
export function processOutput(
  process: OutputProcess,
  redact: (text: string) => string,
  before: () => void = () => undefined,
): Output {
  const { env } = process;
  const attended = process.stderr.isTTY === true && !isCi(env);
  const sink = (stream: ProcessStream): Sink => ({
    write: (text) => {
      before();
      stream.write(redact(text));
    },
    pass: (data) => {
      before();
      stream.write(data);
    },
    ready: readiness(stream),
    get columns() {
      return stream.isTTY === true ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY;
    },
    colour: coloured(stream, env),
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

/** Whether this runs where nobody sits, as the variable CI says. */
export function isCi({ CI }: OutputProcess['env']): boolean {
  return CI !== undefined && !['', '0', 'false'].includes(CI.toLowerCase());
}

/** See {@link Sink.ready}. */
function readiness(stream: ProcessStream): () => Promise<boolean> {
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

function coloured(stream: ProcessStream, env: OutputProcess['env']): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

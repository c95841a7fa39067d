import { spawn } from 'node:child_process';
import { Failure } from '../../domain/failure.js';
import type { Context } from '../context.js';

/** A program of this machine that people watch. */
export interface WatchedProgram {
  readonly argv: readonly string[];
  /** On top of the caller's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes each line of both outputs; without it the program has the terminal, on stderr: stdout is for results. */
  readonly onLine?: (line: string) => void;
  /** The file that takes its standard output, byte by byte; lines are then those of the other one. */
  readonly into?: number;
}

/** The most that is kept of a line without an end. */
const longest = 65_536;

/**
 * Runs a program until it ends and gives its exit code. A signal is for the program, which is waited for; then it is a Failure of kind
 * `interrupted`. Rejects when the program cannot be started.
 */
export async function watchProgram(
  { argv, env, onLine, into }: WatchedProgram,
  options: { readonly cwd: string; readonly env: Context['env'] },
): Promise<number> {
  const [file = 'true', ...args] = argv;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...options.env, ...env },
    stdio: onLine === undefined ? ['ignore', 2, 2] : ['ignore', into ?? 'pipe', 'pipe'],
  });
  let interrupted: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    interrupted = signal;
    child.kill(signal);
  };
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
  const readers = [child.stdout, child.stderr].map((stream) => {
    const lines = new Lines(onLine ?? (() => undefined));
    stream?.setEncoding('utf8').on('data', (text: string) => lines.take(text));
    return lines;
  });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (ended) => resolve(ended ?? 128));
    });
    for (const lines of readers) lines.end();
    if (interrupted !== undefined)
      throw new Failure('interrupted', 'interrupted', `${file} was ended by ${interrupted}`);
    return code;
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end).off('SIGHUP', end);
  }
}

/** Cuts text into lines, however it comes. */
class Lines {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  take(text: string): void {
    const parts = `${this.#rest}${text}`.split(/[\r\n]+/);
    this.#rest = (parts.pop() ?? '').slice(-longest);
    for (const part of parts) this.#say(part);
  }

  end(): void {
    this.#say(this.#rest);
    this.#rest = '';
  }

  #say(line: string): void {
    if (line.trim() !== '') this.#onLine(line.trimEnd());
  }
}

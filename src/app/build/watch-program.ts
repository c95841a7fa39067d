import { spawn } from 'node:child_process';
import { Failure } from '../../domain/failure.js';
import type { Context } from '../context.js';
import { LineSplitter } from '../line-splitter.js';

/** A local program whose output is shown. */
export interface WatchedProgram {
  readonly argv: readonly string[];
  /** In addition to the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives each line of output. Without it, the program writes to the terminal through stderr. */
  readonly onLine?: (line: string) => void;
  /** A file descriptor for standard output; `onLine` then receives only standard error. */
  readonly stdoutFile?: number;
}

/**
 * Runs a program and resolves to its exit code. Passes signals on to it, waits for it to exit, then throws a Failure of kind
 * `interrupted`. Rejects if the program cannot be started.
 */
export async function watchProgram(
  { argv, env, onLine, stdoutFile }: WatchedProgram,
  options: { readonly cwd: string; readonly env: Context['env'] },
): Promise<number> {
  const [file = 'true', ...args] = argv;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...options.env, ...env },
    stdio: onLine === undefined ? ['ignore', 2, 2] : ['ignore', stdoutFile ?? 'pipe', 'pipe'],
  });
  let interrupted: NodeJS.Signals | undefined;
  const forward = (signal: NodeJS.Signals) => {
    interrupted = signal;
    child.kill(signal);
  };
  process.on('SIGINT', forward).on('SIGTERM', forward).on('SIGHUP', forward);
  const readers = [child.stdout, child.stderr].map((stream) => {
    const lines = new LineSplitter(onLine ?? (() => undefined));
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
      throw new Failure('interrupted', 'interrupted', `${file} was stopped by ${interrupted}`);
    return code;
  } finally {
    process.off('SIGINT', forward).off('SIGTERM', forward).off('SIGHUP', forward);
  }
}

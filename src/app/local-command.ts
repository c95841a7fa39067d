import { execFile, spawn } from 'node:child_process';
import type { Context } from './context.js';

/** Returns the current commit of a folder; undefined outside a git repository. */
export function commitOf(folder: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('git', ['-C', folder, 'rev-parse', '--short=12', 'HEAD'], { timeout: 5000 }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : undefined),
    );
  });
}

/** A command to run on this machine. */
export interface LocalCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** ms; 0 for none */
  readonly timeout: number;
}

/** Runs a command on this machine and calls `onLine` with each line of its output; rejects if it cannot be started. */
export function runLocal(
  { argv, env, stdin, timeout }: LocalCommand,
  options: { cwd: string; signal?: AbortSignal; env: Context['env'] },
  onLine: (line: string) => void,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [file = 'true', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, env: { ...options.env, ...env } });
    // spawn() has a timeout, but it keeps Node running if the command cannot be started.
    if (timeout > 0) AbortSignal.timeout(timeout).addEventListener('abort', () => child.kill());
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-65_536);
      for (const line of text.split('\n')) if (line.trim() !== '') onLine(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-65_536);
    });
    // A command may exit without reading its input.
    child.stdin.on('error', () => undefined).end(stdin);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

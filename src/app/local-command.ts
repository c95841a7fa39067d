import { execFile, spawn } from 'node:child_process';
import type { Context } from './context.js';
import { LineSplitter } from './line-splitter.js';

/** Characters to keep of each output. */
const maxOutput = 65_536;

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
    const lines = new LineSplitter(onLine);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = lastLines(stdout + text);
      lines.take(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = lastLines(stderr + text);
    });
    // A command may exit without reading its input.
    child.stdin.on('error', () => undefined).end(stdin);
    child.on('error', reject);
    child.on('close', (code) => {
      lines.end();
      resolve({ code: code ?? 128, stdout, stderr });
    });
  });
}

/** Drops a line that would be cut: a part of a secret is not redacted. */
function lastLines(text: string): string {
  if (text.length <= maxOutput) return text;
  const cut = text.slice(-maxOutput);
  return cut.slice(cut.indexOf('\n') + 1);
}

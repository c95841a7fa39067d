import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../domain/clock.js';
import type { Redaction } from '../domain/redact.js';

/** What of the process the commands may see: everything that a test would want to choose. */
export interface Edge {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly user: string;
  /** `user@machine`, for logs and leases. */
  readonly who: string;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** A short ID that no other run has. */
  readonly runId: () => string;
  /** Where environments and sandboxes of this user are kept. */
  readonly stateDir: string;
  /** Where this user's own settings are. */
  readonly configDir: string;
  /** The folder of the installed package. */
  readonly packageDir: string;
  /** The secrets that nothing of this process may show. */
  readonly redaction: Redaction;
  /** Takes away what stands on the terminal since before the command was loaded. */
  readonly unveil?: () => void;
}

/** The edge of this process. */
export function processEdge(redaction: Redaction): Edge {
  const { env } = process;
  const home = env.HOME ?? homedir();
  const configs = env.XDG_CONFIG_HOME ?? '';
  const user = userInfo().username;
  return {
    cwd: process.cwd(),
    env,
    home,
    user,
    who: `${user}@${hostname()}`,
    clock: systemClock,
    redaction,
    random: Math.random,
    runId: () => randomBytes(3).toString('hex'),
    stateDir: join(env.XDG_STATE_HOME || join(home, '.local/state'), 'oneclick'),
    configDir: join(isAbsolute(configs) ? configs : join(home, '.config'), 'oneclick'),
    packageDir: fileURLToPath(new URL('../..', import.meta.url)),
  };
}

/** The commit that a folder is at, if git knows one. */
export function commitOf(folder: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('git', ['-C', folder, 'rev-parse', '--short=12', 'HEAD'], { timeout: 5000 }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : undefined),
    );
  });
}

/** A command of this machine, as data. */
export interface LocalCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** ms */
  readonly timeout: number;
}

/** Runs a command of this machine and hands over its lines as they come; rejects when it cannot be started. */
export function runLocal(
  { argv, env, stdin, timeout }: LocalCommand,
  options: { cwd: string; signal?: AbortSignal; env: Edge['env'] },
  onLine: (line: string) => void,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [file = 'true', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, env: { ...options.env, ...env } });
    // The timeout of spawn() keeps the process for as long when the command cannot be started.
    if (timeout > 0) AbortSignal.timeout(timeout).addEventListener('abort', () => child.kill());
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-65_536);
      for (const line of text.split('\n')) if (line.trim() !== '') onLine(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-65_536);
    });
    // A command that does not read what it is given closes the pipe; that is its business.
    child.stdin.on('error', () => undefined).end(stdin);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

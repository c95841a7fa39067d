import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlPath } from './control.js';

/**
 * Runs `ssh` until it exits or standard input closes, also because this process was killed; then removes the folder with its
 * sockets. Arguments: the folder, then the command.
 */
const script = `
folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
ssh=$!
{ while read -r line; do :; done <&3; kill "$ssh"; } 2>/dev/null &
watch=$!
wait "$ssh"
code=$?
kill "$watch" 2>/dev/null
rm -rf "$folder"
exit "$code"
`;

/** Printed at LogLevel DEBUG1 once the control socket exists. */
const ready = 'debug1: Entering interactive session.';
/** The part of the log to keep. Characters */
const logLimit = 64 * 1024;
/** A socket's path has at most 104 bytes, and `ssh` adds 17 while it creates it. */
const maxFolder = 60;

/** A running `ssh -M`. */
export class Master {
  /** The private folder of its sockets. */
  readonly folder: string;
  /** Resolves when it listens on its control socket; with false if it exited. */
  readonly ready: Promise<boolean>;
  /** Resolves with its exit code once it has exited and its folder is removed. */
  readonly ended: Promise<number | undefined>;
  readonly #child: ChildProcess;
  #hasEnded = false;
  #log = '';
  #isReady = false;

  private constructor(folder: string, argv: readonly string[], env: NodeJS.ProcessEnv) {
    this.folder = folder;
    // A session of its own, so that Ctrl-C does not cut the connection while changes are undone.
    const child = spawn('/bin/sh', ['-c', script, 'oneclick-ssh', folder, ...argv], {
      ...{ detached: true, env },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve(undefined));
      child.once('close', (code) => resolve(code ?? undefined));
    });
    this.ready = new Promise((resolve) => {
      child.stderr.on('data', (data: Buffer) => {
        this.#log = (this.#log + data.toString()).slice(-logLimit);
        if (this.#isReady) return;
        // A ProxyCommand may print the same line.
        if (!this.#log.includes(ready) || !existsSync(controlPath(folder))) return;
        this.#isReady = true;
        resolve(true);
      });
      void this.ended.then(() => resolve(false));
    });
    void this.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  /** `argv` returns the command for a control socket at this path. */
  static async start(
    argv: (control: string) => readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<Master> {
    const base = tmpdir().length > maxFolder ? '/tmp' : tmpdir();
    const folder = await mkdtemp(join(base, 'oneclick-'));
    return new Master(folder, argv(controlPath(folder)), { ...env });
  }

  /** The last line that is not for debugging: why it ended. */
  get lastMessage(): string | undefined {
    return this.log.findLast((line) => !line.startsWith('debug'));
  }

  /** The last lines of its log. */
  get log(): readonly string[] {
    return this.#log.split(/\r?\n/).filter((line) => line.trim() !== '');
  }

  /** Ends it. */
  end(): void {
    this.#child.stdin?.destroy();
  }

  /** Ends it at once, with its ProxyCommand. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    try {
      if (pid !== undefined && !this.#hasEnded) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has exited.
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

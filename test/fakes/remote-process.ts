import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { RemoteProcess } from '../../src/host/host.js';

/** A process on this machine instead of a host; `kill` sends it a signal, `ignoreOutput` stops reading it. */
export function spawnHere(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): RemoteProcess & { readonly pid: number; kill(signal: NodeJS.Signals): void; ignoreOutput(): void } {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    kill: (signal) => child.kill(signal),
    ignoreOutput: () => child.stdout.destroy(),
    lines: createInterface({ input: child.stdout }),
    write: (line) => child.stdin.write(`${line}\n`),
    ended: new Promise((resolve) => child.on('close', (code) => resolve(code ?? undefined))),
    end: () => child.stdin.end(),
  };
}

/** A process that a test controls. */
export class FakeRemoteProcess implements RemoteProcess {
  readonly lines = new Readable({ objectMode: true, read: () => undefined });
  readonly written: string[] = [];
  readonly ended: Promise<number | undefined>;
  exit: (code: number | undefined) => void = () => undefined;
  /** Called for each written line. */
  onWrite: (line: string) => void = () => undefined;
  #exited = false;

  constructor(...first: readonly string[]) {
    this.ended = new Promise((resolve) => {
      this.exit = (code) => {
        this.#exited = true;
        this.lines.push(null);
        resolve(code);
      };
    });
    for (const line of first) this.print(line);
  }

  print(line: string): void {
    if (!this.#exited) this.lines.push(line);
  }

  write(line: string): void {
    this.written.push(line);
    this.onWrite(line);
  }

  end(): void {
    this.exit(0);
  }
}

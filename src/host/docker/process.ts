import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { lostFailure } from '../failures.js';
import type { Engine, Host, Process, Size, StdioOptions } from '../host.js';
import type { EngineCalls } from './engine-calls.js';
import { Frames } from './log-frames.js';

const Created = z.object({ Id: z.string() });
const Ended = z.object({ Running: z.boolean(), ExitCode: z.number().nullish() });

/** How long an engine may need to notice that a process has ended whose output has, in tries of 50 ms. */
const maxAttempts = 100;

/**
 * Starts a process in a container. By the API and not by `docker exec` in a session of SSH: it takes whichever way to
 * the engine works on this host (`sudo docker` too), its words are data and never pass a shell, they are in no process
 * list outside of the container, and a terminal's size is a request of its own. See `Engine.exec`.
 */
export async function startExec(
  calls: EngineCalls,
  host: Host,
  clock: Clock,
  {
    container,
    argv,
    stdio,
  }: { readonly container: string; readonly argv: readonly string[]; readonly stdio: StdioOptions },
): Promise<Process> {
  const action = `running ${argv[0]} in ${container}`;
  const { input, terminal } = stdio;
  const tty = terminal !== undefined;
  const size = terminal === undefined ? {} : { ConsoleSize: [terminal.rows, terminal.columns] };
  const body = { AttachStdin: input, AttachStdout: true, AttachStderr: true, Tty: tty, Cmd: argv, ...size };
  const created = await calls.send(action, { method: 'POST', path: `/containers/${container}/exec`, body });
  const path = `/exec/${Created.parse(created).Id}`;
  const start = { Detach: false, Tty: tty, ...size };
  const socket = await calls.hijack(action, { method: 'POST', path: `${path}/start`, body: start });
  const process = new SocketProcess(socket, host, tty, {
    resize: (query) => calls.ensure(action, { method: 'POST', path: `${path}/resize`, query }, []),
    exit: async () => {
      for (let tries = 0; tries < maxAttempts; tries += 1) {
        const { Running, ExitCode } = await calls.get(action, `${path}/json`, Ended);
        if (!Running && typeof ExitCode === 'number') return ExitCode;
        await clock.sleep(50, host.lost);
      }
      throw new Failure('failed', 'exec.running', `${argv[0]} goes on without an output`, {
        host: host.name,
      });
    },
  });
  // Engines before 23 do not know the size at the start.
  if (terminal !== undefined) void process.resize(terminal);
  return process;
}

/** Starts a container and talks to its main process. See `Engine.attach`. */
export async function startAttached(
  calls: EngineCalls,
  host: Host,
  engine: Engine,
  { container, stdio }: { readonly container: string; readonly stdio: StdioOptions },
): Promise<Process> {
  const action = `talking to ${container}`;
  const { input, terminal } = stdio;
  const query = { stream: 'true', stdin: String(input), stdout: 'true', stderr: 'true' };
  const path = `/containers/${container}`;
  const socket = await calls.hijack(action, { method: 'POST', path: `${path}/attach`, query });
  const process = new SocketProcess(socket, host, terminal !== undefined, {
    resize: (size) => calls.ensure(action, { method: 'POST', path: `${path}/resize`, query: size }, []),
    exit: () => engine.wait(container),
  });
  try {
    await engine.start(container);
  } catch (error) {
    process.close();
    throw error;
  }
  if (terminal !== undefined) void process.resize(terminal);
  return process;
}

/** What a process is asked beside its connection. */
interface ProcessControl {
  resize(query: Readonly<Record<string, string>>): Promise<void>;
  exit(): Promise<number>;
}

/** A process at the other end of a connection that the engine has given away. */
class SocketProcess implements Process {
  readonly output: Process['output'];
  readonly #socket: Duplex;
  readonly #isTerminal: boolean;
  readonly #host: Host;
  readonly #control: ProcessControl;
  #failure: Error | undefined;
  /** The size that is still to be asked for. */
  #size: Size | undefined;
  #resizing = Promise.resolve();

  constructor(socket: Duplex, host: Host, isTerminal: boolean, requests: ProcessControl) {
    this.#socket = socket;
    this.#isTerminal = isTerminal;
    this.#host = host;
    this.#control = requests;
    // Heard by everybody who waits, and thrown where it matters: to those who read.
    socket.on('error', (error) => {
      this.#failure = error;
    });
    this.output = this.#read(new Frames(isTerminal));
  }

  async *#read(frames: Frames) {
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) yield* frames.take(chunk);
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }
    if (this.#host.lost.aborted) throw this.#host.lost.reason;
    if (this.#failure !== undefined) throw lostFailure(this.#host.name, this.#failure);
  }

  write(data: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || this.#socket.writableEnded) return resolve();
      this.#socket.write(data, () => resolve());
    });
  }

  end(): void {
    // An engine takes the end of a terminal's input for somebody who leaves, and says no more.
    if (!this.#isTerminal) this.#socket.end();
  }

  resize(size: Size): Promise<void> {
    this.#size = size;
    this.#resizing = this.#resizing.then(() => this.#applySize());
    return this.#resizing;
  }

  /** One request after the other, since an engine takes what comes at once in any order; only the last size is of use. */
  async #applySize(): Promise<void> {
    if (this.#size === undefined) return;
    const { columns, rows } = this.#size;
    this.#size = undefined;
    await this.#control.resize({ h: String(rows), w: String(columns) }).catch(() => undefined);
  }

  exit(): Promise<number> {
    return this.#control.exit();
  }

  close(): void {
    this.#socket.destroy();
  }
}

import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { lossOf } from '../failures.js';
import type { Engine, Host, Process, Size, StdioOptions } from '../host.js';
import type { EngineCalls } from './engine-calls.js';
import { Frames } from './log-frames.js';

const Created = z.object({ Id: z.string() });
const Ended = z.object({ Running: z.boolean(), ExitCode: z.number().nullish() });

/** The engine may report an exit after the output ended. Attempts, every 50 ms */
const maxAttempts = 100;

/**
 * Starts a process in a container. Uses the API instead of `docker exec` over SSH: it works with `sudo docker` too, and
 * arguments never pass through a shell or appear in the host's process list. See `Engine.exec`.
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
  const action = `run ${argv[0]} in ${container}`;
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
      throw new Failure('failed', 'exec.running', `${argv[0]} is still running after its output ended`, {
        host: host.name,
      });
    },
  });
  // Engines before 23 ignore the initial size.
  if (terminal !== undefined) void process.resize(terminal);
  return process;
}

/** Starts a container and attaches to its main process. See `Engine.attach`. */
export async function startAttached(
  calls: EngineCalls,
  host: Host,
  engine: Engine,
  { container, stdio }: { readonly container: string; readonly stdio: StdioOptions },
): Promise<Process> {
  const action = `attach to ${container}`;
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

/** Requests about a process, sent on other connections. */
interface ProcessControl {
  resize(query: Readonly<Record<string, string>>): Promise<void>;
  exit(): Promise<number>;
}

/** A process behind an upgraded connection. */
class SocketProcess implements Process {
  readonly output: Process['output'];
  readonly #socket: Duplex;
  readonly #isTerminal: boolean;
  readonly #host: Host;
  readonly #control: ProcessControl;
  #failure: Error | undefined;
  /** The size to request next. */
  #size: Size | undefined;
  #resizing = Promise.resolve();

  constructor(socket: Duplex, host: Host, isTerminal: boolean, requests: ProcessControl) {
    this.#socket = socket;
    this.#isTerminal = isTerminal;
    this.#host = host;
    this.#control = requests;
    // Thrown to the reader of the output.
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
    if (this.#host.lost.aborted || this.#failure !== undefined) throw lossOf(this.#host, this.#failure);
  }

  write(data: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || this.#socket.writableEnded) return resolve();
      this.#socket.write(data, () => resolve());
    });
  }

  end(): void {
    // The engine detaches when a terminal's input ends.
    if (!this.#isTerminal) this.#socket.end();
  }

  resize(size: Size): Promise<void> {
    this.#size = size;
    this.#resizing = this.#resizing.then(() => this.#applySize());
    return this.#resizing;
  }

  /** Sends one request at a time, because the engine may reorder them; skips outdated sizes. */
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

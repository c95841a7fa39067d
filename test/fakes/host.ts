import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../src/domain/clock.js';
import { Failure } from '../../src/domain/failure.js';
import { lostFailure } from '../../src/host/failures.js';
import type {
  Command,
  CommandResult,
  ConnectionHandler,
  ForwardedPort,
  Host,
  Probe,
  ProbeAnswer,
  RemoteProcess,
} from '../../src/host/host.js';
import { type Behaviour, FakeEngine, type FakeRegistry } from './engine.js';
import { Faults } from './faults.js';

/** Answers a command, or returns undefined to leave it to the next answer. */
export type Answer = (
  command: Command,
) => Partial<CommandResult> | undefined | Promise<Partial<CommandResult> | undefined>;

export interface FakeHostOptions {
  readonly clock: Clock;
  readonly engine?: FakeEngine;
  readonly registry?: FakeRegistry;
  readonly answers?: readonly Answer[];
  readonly spawns?: (argv: readonly string[]) => RemoteProcess;
}

/** An in-memory host. The first matching answer answers a command; without one, the call throws. */
export class FakeHost implements Host {
  readonly name: string;
  readonly engine: FakeEngine;
  readonly faults = new Faults<Host>();
  readonly answers: Answer[];
  readonly #lost = new AbortController();
  readonly #clock: Clock;
  readonly #spawns: FakeHostOptions['spawns'];
  /** By port. */
  readonly forwardedPorts = new Map<number, ConnectionHandler>();
  closed = false;

  constructor(name: string, { clock, registry, answers = [], spawns, engine }: FakeHostOptions) {
    this.name = name;
    this.#clock = clock;
    this.#spawns = spawns;
    this.answers = [...answers];
    this.engine =
      engine ?? new FakeEngine({ clock, host: name, ...(registry === undefined ? {} : { registry }) });
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    await this.#pass('run', command);
    signal?.throwIfAborted();
    const [, pid] = /^\/proc\/(\d+)\/net\/tcp$/.exec(command.argv[1] ?? '') ?? [];
    if (pid !== undefined) return { code: 0, stdout: this.engine.sockets(Number(pid)), stderr: '' };
    for (const answer of this.answers) {
      const result = await answer(command);
      if (result !== undefined) return { code: 0, stdout: '', stderr: '', ...result };
    }
    throw new Error(`unexpected command on the fake host ${this.name}: ${command.argv.join(' ')}`);
  }

  async spawn(argv: readonly string[]): Promise<RemoteProcess> {
    await this.#pass('spawn', argv);
    if (this.#spawns === undefined) throw new Error(`nothing can be spawned on the fake host ${this.name}`);
    return this.#spawns(argv);
  }

  /** The HTTP status of other addresses; undefined for addresses of this host. */
  answerFrom: (address: string, probe: Probe) => Promise<number | undefined> = async () => undefined;

  async probe(probe: Probe, signal?: AbortSignal): Promise<ProbeAnswer> {
    await this.#pass('probe', probe);
    signal?.throwIfAborted();
    const elsewhere = await this.answerFrom(probe.address ?? '', probe);
    if (elsewhere !== undefined) return { status: elsewhere, body: '', duration: 0 };
    if (this.forwardedPorts.has(probe.port)) return this.#ask(this.dial(probe.port), probe.path);
    const listener = this.#listener(probe.port, probe.address);
    const { answers = 200, body = '', keepAlive, onlyHost, location, tls = false } = listener;
    if (tls !== (probe.scheme === 'https'))
      throw this.#unhealthy('probe.closed', `port ${probe.port} did not return an HTTP response`);
    if (answers === 'refused')
      throw this.#unhealthy('probe.refused', `nothing listens on port ${probe.port}`);
    if (answers === 'never') {
      await this.#clock.sleep(probe.timeout, signal);
      throw this.#unhealthy('probe.timeout', `port ${probe.port} did not respond within ${probe.timeout} ms`);
    }
    const status = typeof answers === 'function' ? answers(probe.path) : answers;
    const isProxied = location !== undefined && probe.headers?.['X-Forwarded-Proto'] === 'https';
    const isOtherHost = onlyHost !== undefined && probe.host !== onlyHost;
    return {
      status: isOtherHost ? 400 : isProxied ? 200 : status,
      ...(location === undefined || isProxied ? {} : { location }),
      body: body.slice(0, 2048),
      duration: 0,
      ...(keepAlive === undefined ? {} : { keepAlive }),
    };
  }

  async reach(
    port: number,
    options: { address?: string; timeout: number },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#pass('reach', port, options);
    signal?.throwIfAborted();
    if (this.#listener(port, options.address).answers === 'refused')
      throw this.#unhealthy('probe.refused', `nothing listens on port ${port}`);
  }

  async forwardPort(port: number, onConnection: ConnectionHandler): Promise<ForwardedPort> {
    await this.#pass('forwardPort', port, onConnection);
    if (
      this.forwardedPorts.has(port) ||
      this.engine.occupied.has(port) ||
      this.engine.listener(port) !== undefined
    )
      throw new Failure('failed', 'lend.taken', `port ${port} of ${this.name} is in use`, {
        host: this.name,
      });
    this.forwardedPorts.set(port, onConnection);
    return { end: () => this.forwardedPorts.delete(port) };
  }

  /** Connects to a forwarded port, as a program on the host does. */
  dial(port: number): Duplex {
    const onConnection = this.forwardedPorts.get(port);
    if (onConnection === undefined) throw new Error(`port ${port} is not forwarded to ${this.name}`);
    const [here, there] = duplexPair();
    onConnection(there);
    return here;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.lose();
  }

  /** Loses the connection; the host keeps running. */
  lose(cause?: Error): void {
    this.forwardedPorts.clear();
    this.#lost.abort(lostFailure(this.name, cause));
  }

  #ask(socket: Duplex, path: string): Promise<ProbeAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request({ createConnection: () => socket, path });
      sent.on('error', reject).on('response', (answer) => {
        const status = answer.statusCode ?? 0;
        text(answer).then((body) => resolve({ status, body, duration: 0 }), reject);
      });
      sent.end();
    });
  }

  #listener(port: number, address?: string): Behaviour {
    const inside = this.engine.withAddress(address)?.behaviour;
    if (inside !== undefined) return { ...inside, answers: inside.inside?.[port] ?? 'refused' };
    if (this.engine.occupied.has(port)) return {};
    return this.engine.listener(port)?.behaviour ?? { answers: 'refused' as const };
  }

  #unhealthy(code: string, message: string): Failure {
    return new Failure('unhealthy', code, message, { host: this.name });
  }

  async #pass(...args: Parameters<Faults<Host>['pass']>): Promise<void> {
    await this.faults.pass(...args);
    if (this.#lost.signal.aborted) throw lostFailure(this.name);
  }
}

/** Runs commands on this machine, with `folder` as home and working directory. */
export function runLocally(folder: string): Answer {
  return ({ argv, env, stdin, timeout }) =>
    new Promise((resolve, reject) => {
      const [program = '', ...args] = argv;
      const child = spawn(program, args, {
        cwd: folder,
        env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: folder, ...env },
        timeout,
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (code) => {
        if (child.killed)
          reject(new Failure('failed', 'host.timeout', `${program} timed out after ${timeout} ms`));
        else if (code === null)
          reject(new Failure('failed', 'host.signal', `${program} was killed by a signal`));
        else resolve({ code, stdout, stderr });
      });
      child.stdin.on('error', () => undefined).end(stdin ?? '');
    });
}

import type { Duplex } from 'node:stream';
import { lostFailure } from '../../src/host/failures.js';
import type { Command, ConnectionHandler, Engine, Host, Probe, RemoteProcess } from '../../src/host/host.js';
import type { FakeHost } from './host.js';

/** A connection to a fake host; losing or closing it leaves the host running. */
export class FakeConnection implements Host {
  readonly name: string;
  readonly engine: Engine;
  readonly #machine: FakeHost;
  readonly #lost = new AbortController();
  closed = false;

  constructor(machine: FakeHost) {
    this.name = machine.name;
    this.#machine = machine;
    this.engine = through(machine.engine, () => this.#check());
    machine.lost.addEventListener('abort', () => this.#lost.abort(machine.lost.reason));
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async run(command: Command, signal?: AbortSignal) {
    this.#check();
    return this.#machine.run(command, signal);
  }

  async spawn(argv: readonly string[]): Promise<RemoteProcess> {
    this.#check();
    const held = await this.#machine.spawn(argv);
    this.lost.addEventListener('abort', () => held.end());
    return held;
  }

  async probe(probe: Probe, signal?: AbortSignal) {
    this.#check();
    return this.#machine.probe(probe, signal);
  }

  async reach(port: number, options: { address?: string; timeout: number }, signal?: AbortSignal) {
    this.#check();
    return this.#machine.reach(port, options, signal);
  }

  async forwardPort(port: number, take: ConnectionHandler) {
    this.#check();
    const forwarded = await this.#machine.forwardPort(port, take);
    this.lost.addEventListener('abort', () => forwarded.end());
    return forwarded;
  }

  /** Connects to a forwarded port, as a program on the host does. */
  dial(port: number): Duplex {
    return this.#machine.dial(port);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.lose();
  }

  lose(): void {
    this.#lost.abort(lostFailure(this.name));
  }

  #check(): void {
    if (this.lost.aborted) throw lostFailure(this.name);
  }
}

/** The engine; its calls fail once the connection is lost. */
function through(engine: Engine, check: () => void): Engine {
  return new Proxy(engine, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return async (...args: readonly unknown[]) => {
        check();
        return Reflect.apply(value, target, args);
      };
    },
  });
}

import type { HostAddress } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import type { Host } from '../host/host.js';
import type { Hosts } from '../host/hosts.js';

/** Connects to hosts; never throws a Failure. On abort, pending hosts fail with the signal's reason. */
export type Dial = (addresses: readonly HostAddress[], signal: AbortSignal) => Promise<Hosts>;

/** Reconnects to a host when it is requested and its connection is lost. */
export class Reconnector {
  readonly #addresses: readonly HostAddress[];
  readonly #dial: Dial;
  /** Everything to close. */
  readonly #opened: Hosts[];
  /** The last attempt for each host, shared by concurrent callers. */
  readonly #attempts = new Map<string, Promise<Host>>();

  constructor(hosts: Hosts, addresses: readonly HostAddress[], dial: Dial) {
    this.#addresses = addresses;
    this.#dial = dial;
    this.#opened = [hosts];
    for (const [name, host] of hosts.connected) this.#attempts.set(name, Promise.resolve(host));
  }

  /** The names of all hosts, including unreachable ones. */
  get names(): readonly string[] {
    return this.#addresses.map(({ name }) => name);
  }

  /** Returns the host, reconnecting if needed. Throws its Failure, or the signal's reason. */
  async connect(name: string, signal: AbortSignal): Promise<Host> {
    const last = this.#attempts.get(name);
    const host = await last?.catch(() => undefined);
    if (host !== undefined && !host.lost.aborted) return host;
    const newest = this.#attempts.get(name);
    // Another caller may have started an attempt meanwhile.
    if (newest !== undefined && newest !== last) return newest;
    const next = this.#redial(name, signal);
    this.#attempts.set(name, next);
    return next;
  }

  async #redial(name: string, signal: AbortSignal): Promise<Host> {
    const addresses = this.#addresses.filter((address) => address.name === name);
    const hosts = await this.#dial(addresses, signal);
    this.#opened.push(hosts);
    const host = hosts.connected.get(name);
    if (host !== undefined) return host;
    throw (
      hosts.failures[0] ??
      new Failure('usage', 'host.unknown', `unknown host "${name}" (available: ${this.names.join(', ')})`)
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((hosts) => hosts.close()));
  }
}

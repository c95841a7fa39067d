import type { HostAddress } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import type { Host } from '../host/host.js';
import type { Hosts } from '../host/hosts.js';

/** Connects to hosts; never throws a Failure. Those not connected when the signal aborts fail with its reason. */
export type Dial = (addresses: readonly HostAddress[], signal: AbortSignal) => Promise<Hosts>;

/** Hosts that are connected to again when they are asked for and their connection is lost. */
export class Reconnector {
  readonly #addresses: readonly HostAddress[];
  readonly #dial: Dial;
  /** All that must be closed. */
  readonly #opened: Hosts[];
  /** The last try for each host; several may ask for one at once. */
  readonly #tries = new Map<string, Promise<Host>>();

  constructor(hosts: Hosts, addresses: readonly HostAddress[], dial: Dial) {
    this.#addresses = addresses;
    this.#dial = dial;
    this.#opened = [hosts];
    for (const [name, host] of hosts.connected) this.#tries.set(name, Promise.resolve(host));
  }

  /** All hosts, reached or not. */
  get names(): readonly string[] {
    return this.#addresses.map(({ name }) => name);
  }

  /** The host, connected. Throws its Failure, or the signal's reason. */
  async connect(name: string, signal: AbortSignal): Promise<Host> {
    const last = this.#tries.get(name);
    const host = await last?.catch(() => undefined);
    if (host !== undefined && !host.lost.aborted) return host;
    const newest = this.#tries.get(name);
    // Another one may have begun meanwhile.
    if (newest !== undefined && newest !== last) return newest;
    const next = this.#redial(name, signal);
    this.#tries.set(name, next);
    return next;
  }

  async #redial(name: string, signal: AbortSignal): Promise<Host> {
    const addresses = this.#addresses.filter((address) => address.name === name);
    const hosts = await this.#dial(addresses, signal);
    this.#opened.push(hosts);
    const host = hosts.connected.get(name);
    if (host !== undefined) return host;
    throw hosts.failures[0] ?? new Failure('usage', 'host.unknown', `there is no host "${name}"`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((hosts) => hosts.close()));
  }
}

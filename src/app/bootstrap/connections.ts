import type { HostAddress } from '../../domain/environment.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import type { Hosts } from '../../host/hosts.js';
import type { Context } from '../context.js';
import { orFailure } from '../or-failure.js';
import { type BootstrapNeed, bootstrapNeed } from './bootstrap.js';

/** A host and its need, or the Failure of reading it. */
export interface HostNeed {
  readonly host: string;
  readonly found: BootstrapNeed | Failure;
}

/** The connections of a bootstrap. Must be closed. */
export class BootstrapConnections {
  readonly addresses: readonly HostAddress[];
  readonly #context: Context;
  readonly #open: Hosts[] = [];

  constructor(context: Context, addresses: readonly HostAddress[]) {
    this.#context = context;
    this.addresses = addresses;
  }

  /** Connects to all hosts and reads their needs; failures of single hosts are part of the result. */
  async needs(signal: AbortSignal): Promise<readonly HostNeed[]> {
    const { connected, failures } = await this.#connect(this.addresses);
    return Promise.all(
      this.addresses.map(async ({ name }) => {
        const host = connected.get(name);
        const failure = failures.find((candidate) => candidate.host === name);
        if (host === undefined) return { host: name, found: failure ?? notConnected(name) };
        return { host: name, found: await orFailure(bootstrapNeed(host, signal)) };
      }),
    );
  }

  /** Returns the host over its first connection. */
  host(name: string): Host {
    const host = this.#open[0]?.connected.get(name);
    if (host === undefined) throw notConnected(name);
    return host;
  }

  /** Returns the host over a new connection, because group membership only applies to new logins. */
  async reconnect(name: string): Promise<Host> {
    const { connected, failures } = await this.#connect(this.addresses.filter((host) => host.name === name));
    const host = connected.get(name);
    if (host === undefined) throw failures[0] ?? notConnected(name);
    return host;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((hosts) => hosts.close()));
  }

  async #connect(addresses: readonly HostAddress[]): Promise<Hosts> {
    const { adapters, clock, home, user, env } = this.#context;
    const environment = { home, user, variables: env };
    const hosts = await adapters.connect(addresses, { clock, environment });
    this.#open.push(hosts);
    return hosts;
  }
}

function notConnected(host: string): Failure {
  return new Failure('unreachable', 'host.unreachable', `${host} is not connected`, { host });
}

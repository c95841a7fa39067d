import { timeOfDay } from '../../domain/clock.js';
import type { HostAddress } from '../../domain/environment.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import type { Hosts } from '../../host/hosts.js';
import type { Context } from '../context.js';
import { orFailure } from '../or-failure.js';
import { type BootstrapNeed, bootstrapNeed } from './bootstrap.js';

/** How long to wait for the SSH server of a machine that boots. ms */
const bootTimeout = 120_000;
/** ms */
const retryInterval = 3000;

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

  /**
   * Connects to all hosts and reads their needs; failures of single hosts are part of the result. With `report`, waits for
   * hosts that cannot be reached yet, and reports that.
   */
  async needs(
    signal: AbortSignal,
    report?: (host: string, text: string) => void,
  ): Promise<readonly HostNeed[]> {
    const failures = await this.#reach(signal, report);
    return Promise.all(
      this.addresses.map(async ({ name }) => {
        const failure = failures.get(name);
        if (failure !== undefined) return { host: name, found: failure };
        return { host: name, found: await orFailure(bootstrapNeed(this.host(name), signal)) };
      }),
    );
  }

  /** Returns the host over its first connection. */
  host(name: string): Host {
    for (const { connected } of this.#open) {
      const host = connected.get(name);
      if (host !== undefined) return host;
    }
    throw notConnected(name);
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

  /** Returns the failures of hosts that stay unreachable, by host. */
  async #reach(
    signal: AbortSignal,
    report: ((host: string, text: string) => void) | undefined,
  ): Promise<ReadonlyMap<string, Failure>> {
    const { clock } = this.#context;
    const end = clock.monotonic() + bootTimeout;
    const deadline = timeOfDay(new Date(clock.now().getTime() + bootTimeout));
    const failures = new Map<string, Failure>();
    const reported = new Set<string>();
    let missing = this.addresses;
    for (;;) {
      const hosts = await this.#connect(missing);
      for (const { name } of missing) {
        const failure = hosts.failures.find((candidate) => candidate.host === name);
        if (hosts.connected.has(name)) failures.delete(name);
        else failures.set(name, failure ?? notConnected(name));
      }
      missing = missing.filter(({ name }) => mayBeBooting(failures.get(name)));
      if (report === undefined || missing.length === 0 || clock.monotonic() >= end) return failures;
      for (const { name } of missing) {
        if (!reported.has(name)) report(name, `waiting for SSH (timeout ${deadline})`);
        reported.add(name);
      }
      await clock.sleep(retryInterval, signal);
    }
  }

  async #connect(addresses: readonly HostAddress[]): Promise<Hosts> {
    const { adapters, clock, home, user, env } = this.#context;
    const environment = { home, user, variables: env };
    const hosts = await adapters.connect(addresses, { clock, environment });
    this.#open.push(hosts);
    return hosts;
  }
}

/** A name that does not resolve is a mistake in the address rather than a machine that boots. */
function mayBeBooting(failure: Failure | undefined): boolean {
  if (failure?.code !== 'host.unreachable') return false;
  const { cause } = failure;
  return !(typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOTFOUND');
}

function notConnected(host: string): Failure {
  return new Failure('unreachable', 'host.unreachable', `${host} is not connected`, { host });
}

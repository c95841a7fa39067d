import type { Clock } from '../domain/clock.js';
import type { HostAddress } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { type CallListener, CallLog, type CallObserver } from './call-log.js';
import type { Host } from './host.js';
import { resolveTarget, type SshEnvironment, type SshTarget } from './ssh/config.js';
import { type Connection, connectTimeout, dial } from './ssh/connection.js';
import { type AskPassphrase, Keyring } from './ssh/keys.js';
import { dialSystem, type SystemConnection } from './ssh/system/connection.js';
import { needsSystem, systemCanTry } from './ssh/system/needs.js';
import { SshHost } from './ssh-host.js';

/** Options of {@link connectAll}. */
export interface HostsOptions {
  readonly clock: Clock;
  readonly environment: SshEnvironment;
  /** Called when a remote call ends. */
  readonly onCallEnd?: CallObserver;
  /** Called when a remote call starts. */
  readonly onCall?: CallListener;
  /** Prompts for the passphrase of a key; without it an encrypted key is a failure. */
  readonly askPassphrase?: AskPassphrase;
  /** Time to connect and log in to a host; 10 s by default. ms */
  readonly deadline?: number;
  /** Keepalive interval; the connection is lost after three misses. 5 s by default. ms */
  readonly keepalive?: number;
  /** Cancels pending connections, which fail with its reason, a Failure. */
  readonly signal?: AbortSignal;
}

/** The requested hosts, each either connected or failed. */
export interface Hosts {
  readonly connected: ReadonlyMap<string, Host>;
  readonly failures: readonly Failure[];
  /** Closes all connections, including those to bastions. */
  close(): Promise<void>;
}

/** Connects to all hosts in parallel, with one SSH connection per host and bastion. Never throws a Failure. */
export async function connectAll(addresses: readonly HostAddress[], options: HostsOptions): Promise<Hosts> {
  const dialer = new Dialer(options);
  const connected = new Map<string, Host>();
  const failures: Failure[] = [];
  await Promise.all(
    addresses.map(async (address) => {
      try {
        connected.set(address.name, await dialer.connect(address));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(forHost(error, address.name));
      }
    }),
  );
  const order = new Map(addresses.map(({ name }, index) => [name, index]));
  const position = (failure: Failure) => order.get(failure.host ?? '') ?? 0;
  return {
    connected: new Map(addresses.flatMap(({ name }) => entry(connected, name))),
    failures: failures.sort((a, b) => position(a) - position(b)),
    close: () => dialer.close(),
  };
}

/** Opens connections; hosts share those to bastions. */
class Dialer {
  readonly #options: HostsOptions;
  readonly #keyring: Keyring;
  readonly #log: CallLog;
  readonly #bastions = new Map<string, Promise<Connection>>();
  readonly #systemBastions = new Map<string, Promise<SystemConnection>>();
  readonly #open = new Set<Connection>();

  constructor(options: HostsOptions) {
    this.#options = options;
    this.#keyring = new Keyring(options.askPassphrase);
    this.#log = new CallLog(options.clock, options.onCallEnd, options.onCall);
  }

  async connect(address: HostAddress): Promise<Host> {
    // Loads the library while `ssh` reads its configuration.
    const [target] = await Promise.all([
      resolveTarget(address, this.#options.environment),
      import('node-ssh'),
    ]);
    const dialed = this.#dial(target);
    // Loads while the host responds.
    const [connection] = await Promise.all([dialed, import('dockerode')]);
    return new SshHost(connection, this.#options.clock, this.#log);
  }

  async close(): Promise<void> {
    const bastions = new Set(
      (await Promise.allSettled([...this.#bastions.values(), ...this.#systemBastions.values()])).map(
        (dialed) => (dialed.status === 'fulfilled' ? dialed.value : undefined),
      ),
    );
    const hosts = [...this.#open].filter((connection) => !bastions.has(connection));
    await Promise.all(hosts.map((connection) => connection.close()));
    // Innermost first: a bastion carries the connections behind it.
    for (const connection of [...this.#open].reverse()) await connection.close();
  }

  /** Connects with ssh2, or with the system's `ssh` where ssh2 cannot. */
  async #dial(target: SshTarget): Promise<Connection> {
    const { clock, environment } = this.#options;
    if (await needsSystem(target, this.#keyring, environment)) return this.#dialSystem(target);
    const bastion = target.jump === undefined ? undefined : await this.#bastion(target.jump);
    try {
      const options = { clock, keyring: this.#keyring, ...this.#timing };
      return await this.#record(target, () => dial(target, options, bastion));
    } catch (error) {
      const isDenied = error instanceof Failure && error.code === 'host.auth' && error.host === target.name;
      if (isDenied && (await systemCanTry(target, environment))) return this.#dialSystem(target);
      throw error;
    }
  }

  async #dialSystem(target: SshTarget): Promise<SystemConnection> {
    const { clock, environment } = this.#options;
    const bastion =
      target.jump === undefined
        ? undefined
        : await shared(this.#systemBastions, target.jump, (jump) => this.#dialSystem(jump));
    const options = { clock, environment, ...this.#timing };
    try {
      return await this.#record(target, () => dialSystem(target, options, bastion));
    } catch (error) {
      // `ssh` cannot ask for a passphrase, and does not say that it needed one.
      if (error instanceof Failure && error.code === 'host.auth') await this.#keyring.checkKeys(target);
      throw error;
    }
  }

  async #record<T extends Connection>(target: SshTarget, connect: () => Promise<T>): Promise<T> {
    const { name, user, address, port } = target;
    const timeout = this.#options.deadline ?? connectTimeout;
    const what = `${user}@${address}:${port}`;
    const connection = await this.#log.record(name, 'connect', what, connect, timeout);
    this.#open.add(connection);
    connection.lost.addEventListener('abort', () => this.#open.delete(connection));
    return connection;
  }

  get #timing() {
    const { deadline, keepalive, signal } = this.#options;
    return given({ deadline, keepalive, signal });
  }

  #bastion(target: SshTarget): Promise<Connection> {
    return shared(this.#bastions, target, (jump) => this.#dial(jump));
  }
}

/** Connects once per jump host. */
function shared<T>(
  known: Map<string, Promise<T>>,
  target: SshTarget,
  connect: (target: SshTarget) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([target.user, target.address, target.port, target.jump]);
  const connection = known.get(key) ?? connect(target);
  known.set(key, connection);
  return connection;
}

function entry(hosts: ReadonlyMap<string, Host>, name: string): [string, Host][] {
  const host = hosts.get(name);
  return host === undefined ? [] : [[name, host]];
}

/** Attributes a bastion's failure to a host behind it. */
function forHost(failure: Failure, host: string): Failure {
  if (failure.host === host) return failure;
  const { kind, code, message, hint, evidence, cause } = failure;
  return new Failure(kind, code, message, { host, ...given({ hint }), evidence, cause });
}

import type { Clock } from '../domain/clock.js';
import type { HostAddress } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { type CallListener, CallLog, type CallObserver } from './call-log.js';
import type { Host } from './host.js';
import { resolveTarget, type SshEnvironment, type SshTarget } from './ssh/config.js';
import { type Connection, connectTimeout, dial } from './ssh/connection.js';
import { type AskPassphrase, Keyring } from './ssh/keys.js';
import { SshHost } from './ssh-host.js';

/** What connecting needs of the world. */
export interface HostsOptions {
  readonly clock: Clock;
  readonly environment: SshEnvironment;
  /** Told of every remote call once it is over. */
  readonly onCallEnd?: CallObserver;
  /** Told of every remote call when it begins, too. */
  readonly onCall?: CallListener;
  /** Asks the person for the passphrase of a key; without it such a key is a failure that says `ssh-add`. */
  readonly askPassphrase?: AskPassphrase;
  /** Time to connect and log in to one host; 10 s by default. ms */
  readonly deadline?: number;
  /** Time between signs of life, of which three may be missed; 5 s by default. ms */
  readonly keepalive?: number;
  /** Ends connecting: what is not connected by then fails with the reason, a Failure. */
  readonly signal?: AbortSignal;
}

/** Hosts that were asked for, each either connected or with the failure that kept it from being so. */
export interface Hosts {
  readonly connected: ReadonlyMap<string, Host>;
  readonly failures: readonly Failure[];
  /** Closes all connections, those to bastions too. */
  close(): Promise<void>;
}

/** Connects to all hosts in parallel, one SSH connection each, those behind a bastion through one connection to it. Never throws a Failure. */
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

/** Opens connections, and shares those to bastions. */
class Dialer {
  readonly #options: HostsOptions;
  readonly #keyring: Keyring;
  readonly #log: CallLog;
  readonly #bastions = new Map<string, Promise<Connection>>();
  readonly #open = new Set<Connection>();

  constructor(options: HostsOptions) {
    this.#options = options;
    this.#keyring = new Keyring(options.askPassphrase);
    this.#log = new CallLog(options.clock, options.onCallEnd, options.onCall);
  }

  async connect(address: HostAddress): Promise<Host> {
    // The library is read while `ssh` reads its configuration.
    const [target] = await Promise.all([
      resolveTarget(address, this.#options.environment),
      import('node-ssh'),
    ]);
    const dialed = this.#dial(target);
    // And this one while the host answers.
    const [connection] = await Promise.all([dialed, import('dockerode')]);
    return new SshHost(connection, this.#options.clock, this.#log);
  }

  async close(): Promise<void> {
    const bastions = new Set(
      (await Promise.allSettled(this.#bastions.values())).map((dialed) =>
        dialed.status === 'fulfilled' ? dialed.value : undefined,
      ),
    );
    const hosts = [...this.#open].filter((connection) => !bastions.has(connection));
    await Promise.all(hosts.map((connection) => connection.close()));
    // The innermost first: what goes through a bastion ends before the bastion.
    for (const connection of [...this.#open].reverse()) await connection.close();
  }

  async #dial(target: SshTarget): Promise<Connection> {
    const bastion = target.jump === undefined ? undefined : await this.#bastion(target.jump);
    const { clock, deadline, keepalive, signal } = this.#options;
    const timing = {
      ...given({ deadline, keepalive, signal }),
    };
    const connection = await this.#log.record(
      target.name,
      'connect',
      `${target.user}@${target.address}:${target.port}`,
      () => dial(target, { clock, keyring: this.#keyring, ...timing }, bastion),
      deadline ?? connectTimeout,
    );
    this.#open.add(connection);
    connection.lost.addEventListener('abort', () => this.#open.delete(connection));
    return connection;
  }

  #bastion(target: SshTarget): Promise<Connection> {
    const key = JSON.stringify([target.user, target.address, target.port, target.jump]);
    const known = this.#bastions.get(key) ?? this.#dial(target);
    this.#bastions.set(key, known);
    return known;
  }
}

function entry(hosts: ReadonlyMap<string, Host>, name: string): [string, Host][] {
  const host = hosts.get(name);
  return host === undefined ? [] : [[name, host]];
}

/** The failure as one of this host: that of a bastion keeps each host behind it from being reached. */
function forHost(failure: Failure, host: string): Failure {
  if (failure.host === host) return failure;
  const { kind, code, message, hint, evidence, cause } = failure;
  return new Failure(kind, code, message, { host, ...given({ hint }), evidence, cause });
}

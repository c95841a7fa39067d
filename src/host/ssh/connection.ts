import type { Duplex } from 'node:stream';
import type { Config } from 'node-ssh';
import type { Algorithms, Client } from 'ssh2';
import { whenAborted, within } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { lostFailure } from '../failures.js';
import type { SshTarget } from './config.js';
import { authFailure, endpoint, handshakeFailure, TransientError, unreachable } from './dial-failures.js';
import type { Keyring, LoginMethod } from './keys.js';
import { addKnownHost, type KnownKeys, readKnownKeys } from './known-hosts.js';
import { openRoute } from './route.js';
import { Sessions } from './sessions.js';

/** Time to connect and log in to a host, where nobody says. ms */
export const connectTimeout = 10_000;

/** A connection that is open and logged in. */
export interface Connection {
  readonly target: SshTarget;
  readonly client: Client;
  readonly sessions: Sessions;
  /** Aborted, with a failure as its reason, when the connection has ended for whatever reason. */
  readonly lost: AbortSignal;
  /** Resolves when it has ended; a peer that does not answer is not waited for. */
  close(): Promise<void>;
}

export interface DialOptions {
  readonly clock: Clock;
  readonly keyring: Keyring;
  /** Time to connect and log in, tries included; 10 s by default. ms */
  readonly deadline?: number;
  /** How often the peer is asked for a sign of life, three of which may be missed; 5 s by default. ms */
  readonly keepalive?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

type HostKeyAlgorithms = NonNullable<Algorithms['serverHostKey']>;

/**
 * Without diffie-hellman-group-exchange, which takes seconds, and the fastest first.
 */
const keyExchange: NonNullable<Algorithms['kex']> = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
];
const supportedHostKeys: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

const maxAttempts = 3;
/** How long the peer has to answer a goodbye, ms. */
const closeTimeout = 2000;

/**
 * Connects to a host, through `bastion` when that is given. Throws a failure of kind `unreachable`, or `access`: an
 * unknown or changed host key, or nobody let in.
 */
export async function dial(
  target: SshTarget,
  options: DialOptions,
  bastion?: Connection,
): Promise<Connection> {
  const { clock, keyring, deadline = connectTimeout } = options;
  const [known, { ready, locked }] = await Promise.all([
    readKnownKeys(ownerOf(target), target.knownHosts),
    keyring.loginMethods(target),
  ]);
  const attempt = (methods: readonly LoginMethod[]) => {
    const onTimeout = () =>
      unreachable(target, `${endpoint(target)} did not answer within ${deadline / 1000} s`, bastion?.target);
    const signals = [bastion?.lost, options.signal];
    return within(clock, deadline, signals, onTimeout, (signal) =>
      loginWithRetries(target, methods, known, options, bastion, signal),
    );
  };
  const unlocked: LoginMethod[] = [];
  for (;;) {
    const path = locked[unlocked.length];
    // A passphrase is asked for only when nothing else is left to offer, and outside the deadline.
    if (ready.length + unlocked.length > 0) {
      try {
        return await attempt([...ready, ...unlocked]);
      } catch (error) {
        if (path === undefined || !(error instanceof Failure) || error.code !== 'host.auth') throw error;
      }
    } else if (path === undefined) throw authFailure(target, []);
    if (path !== undefined) unlocked.push(await keyring.unlock(target, path));
  }
}

/** Tries again what is likely to pass: a server that hangs up before the handshake (MaxStartups), a resolver that is busy. */
async function loginWithRetries(
  target: SshTarget,
  methods: readonly LoginMethod[],
  known: KnownKeys,
  options: DialOptions,
  bastion: Connection | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await login(target, methods, known, options, bastion, signal);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (tries === maxAttempts)
        throw unreachable(target, `${endpoint(target)} hangs up: ${error.message}`, bastion?.target, error);
      await options.clock.sleep(200 * tries, signal);
    }
  }
}

async function login(
  target: SshTarget,
  methods: readonly LoginMethod[],
  known: KnownKeys,
  options: DialOptions,
  bastion: Connection | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const { NodeSSH } = await import('node-ssh');
  const sock = await openRoute(target, bastion, signal);
  const ssh = new NodeSSH();
  let keyFailure: Failure | undefined;
  const hostVerifier = (key: Buffer, verify: (valid: boolean) => void): void => {
    void verifyHostKey(target, known, key).then(
      (failure) => {
        keyFailure = failure;
        verify(failure === undefined);
      },
      (error: unknown) => {
        keyFailure = new Failure(
          'access',
          'host.key-unknown',
          `the host key of ${target.name} could not be remembered: ${String(error)}`,
          { host: target.name },
        );
        verify(false);
      },
    );
  };
  const tried: string[] = [];
  const remaining = [...methods];
  const config: Config = {
    sock,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: options.keepalive ?? 5000,
    keepaliveCountMax: 3,
    algorithms: { kex: keyExchange, ...hostKeyAlgorithms(known) },
    hostVerifier,
    authHandler: (_methods, _partial, next) => {
      const method = remaining.shift();
      if (method !== undefined) tried.push(method.label);
      // ssh2 takes `false` for "nothing left", which its types do not know.
      next(method?.method ?? (false as never));
    },
  };
  const stopListening = whenAborted(signal, () => sock.destroy());
  try {
    await ssh.connect(config);
    if (ssh.connection === null) throw new TransientError('the connection ended at once');
    return open(target, ssh.connection, sock, options.clock);
  } catch (error) {
    sock.destroy();
    if (keyFailure !== undefined) throw keyFailure;
    throw handshakeFailure(target, known, tried, error);
  } finally {
    stopListening();
  }
}

function open(target: SshTarget, client: Client, sock: Duplex, clock: Clock): Connection {
  const lost = new AbortController();
  let cause: unknown;
  const closed = new Promise<void>((resolve) => {
    client.on('error', (error) => {
      cause = error;
    });
    client.on('close', () => {
      lost.abort(lostFailure(target.name, cause));
      resolve();
    });
  });
  return {
    target,
    client,
    lost: lost.signal,
    sessions: new Sessions(target.name, lost.signal, clock),
    close: () => {
      client.end();
      clock.sleep(closeTimeout, lost.signal).then(
        () => sock.destroy(),
        () => undefined,
      );
      return closed;
    },
  };
}

/** The failure of a host key that is not to be trusted; remembers it where that was asked for. */
async function verifyHostKey(target: SshTarget, known: KnownKeys, key: Buffer): Promise<Failure | undefined> {
  const status = known.check(key);
  const [file] = target.knownHosts;
  if (status.kind !== 'unknown' || target.hostKeys !== 'accept-new' || file === undefined)
    return known.failure(key, status);
  await addKnownHost(ownerOf(target), key, file);
  return undefined;
}

function hostKeyAlgorithms(known: KnownKeys): { serverHostKey?: HostKeyAlgorithms } {
  const wanted = known.algorithms()?.filter((name) => supportedHostKeys.includes(name)) ?? [];
  return wanted.length === 0 ? {} : { serverHostKey: wanted as HostKeyAlgorithms };
}

const ownerOf = ({ name, keyAlias, address, port }: SshTarget) => ({
  host: name,
  address: keyAlias ?? address,
  port: keyAlias === undefined ? port : 22,
});

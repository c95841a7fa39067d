import type { Duplex } from 'node:stream';
import type { Config } from 'node-ssh';
import type { Algorithms, Client } from 'ssh2';
import { whenAborted, withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { lostFailure } from '../failures.js';
import type { RemotePorts, SshClient } from './channel.js';
import type { SshTarget } from './config.js';
import { authFailure, endpoint, handshakeFailure, TransientError, unreachable } from './dial-failures.js';
import { HostKeyCheck } from './host-key.js';
import type { Keyring, LoginMethod } from './keys.js';
import { type KnownKeys, keyOwner, readKnownKeys } from './known-hosts.js';
import { couldNotStart, type ProxyProcess, proxyFailure } from './proxy-command.js';
import { ssh2Ports } from './remote-ports.js';
import { openRoute, type Route } from './route.js';
import { Sessions } from './sessions.js';

/** Default time to connect and log in to a host. ms */
export const connectTimeout = 10_000;

/** An open, authenticated connection. */
export interface Connection {
  readonly target: SshTarget;
  readonly client: SshClient;
  /** Ports of the host that are forwarded to this process. */
  readonly ports: RemotePorts;
  readonly sessions: Sessions;
  /** Aborted when the connection ends, with a Failure as its reason. */
  readonly lost: AbortSignal;
  /** Closes the connection; does not wait for an unresponsive peer. */
  close(): Promise<void>;
}

export interface DialOptions {
  readonly clock: Clock;
  readonly keyring: Keyring;
  /** Time to connect and log in, including retries; 10 s by default. ms */
  readonly deadline?: number;
  /** Keepalive interval; the connection is lost after three misses. 5 s by default. ms */
  readonly keepalive?: number;
  /** Cancels the attempt. */
  readonly signal?: AbortSignal;
}

type HostKeyAlgorithms = NonNullable<Algorithms['serverHostKey']>;

/** Fastest first; without diffie-hellman-group-exchange, which takes seconds. */
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
/** How long the peer has to close the connection. ms */
const closeTimeout = 2000;

/**
 * Connects to a host, through `bastion` if given. Throws a failure of kind `unreachable`, or `access` if the host key is
 * unknown or changed, or the login is denied.
 */
export async function dial(
  target: SshTarget,
  options: DialOptions,
  bastion?: Connection,
): Promise<Connection> {
  const { clock, keyring, deadline = connectTimeout } = options;
  const [known, { ready, locked }] = await Promise.all([
    readKnownKeys(keyOwner(target), target.knownHosts),
    keyring.loginMethods(target),
  ]);
  const attempt = (methods: readonly LoginMethod[]) => {
    const login: Login = { target, methods, known, options, ...given({ bastion }) };
    const onTimeout = () => timedOut(login, deadline);
    const signals = [bastion?.lost, options.signal];
    return withTimeout(clock, deadline, signals, onTimeout, (signal) => loginWithRetries(login, signal));
  };
  const unlocked: LoginMethod[] = [];
  for (;;) {
    const path = locked[unlocked.length];
    // Prompts only after all other keys failed, outside the deadline.
    if (ready.length + unlocked.length > 0) {
      try {
        // The unlocked first: a server stops listening after a few keys.
        return await attempt([...unlocked, ...ready]);
      } catch (error) {
        if (path === undefined || !(error instanceof Failure) || error.code !== 'host.auth') throw error;
      }
    } else if (path === undefined) throw authFailure(target, []);
    if (path !== undefined) unlocked.unshift(await keyring.unlock(target, path));
  }
}

/** A login to a host, with the route of its last attempt. */
interface Login {
  readonly target: SshTarget;
  readonly methods: readonly LoginMethod[];
  readonly known: KnownKeys;
  readonly options: DialOptions;
  readonly bastion?: Connection;
  route?: Route;
}

function timedOut({ target, route }: Login, deadline: number): Failure {
  const evidence = route?.proxy?.evidence ?? [];
  const what = route?.proxy === undefined ? endpoint(target) : 'its ProxyCommand';
  return unreachable(target, `${what} did not respond within ${deadline / 1000} s`, { evidence });
}

/** Retries transient errors, such as a dropped handshake (MaxStartups) or a busy resolver. */
async function loginWithRetries(login: Login, signal: AbortSignal): Promise<Connection> {
  const { target, options } = login;
  for (let tries = 1; ; tries += 1) {
    try {
      return await logIn(login, signal);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (tries === maxAttempts) {
        if (error.failure !== undefined) throw error.failure;
        const message = `${endpoint(target)} closes the connection: ${error.message}`;
        throw unreachable(target, message, { cause: error });
      }
      await options.clock.sleep(200 * tries, signal);
    }
  }
}

async function logIn(login: Login, signal: AbortSignal): Promise<Connection> {
  const { target, methods, known, options, bastion } = login;
  const { NodeSSH } = await import('node-ssh');
  const route = await openRoute(target, bastion, signal);
  login.route = route;
  const sock = route.stream;
  const ssh = new NodeSSH();
  const hostKey = new HostKeyCheck(target, known, sock);
  const tried: string[] = [];
  const remaining = [...methods];
  const config: Config = {
    sock,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: options.keepalive ?? 5000,
    keepaliveCountMax: 3,
    algorithms: { kex: keyExchange, ...hostKeyAlgorithms(known) },
    hostVerifier: hostKey.verify,
    authHandler: (_methods, _partial, next) => {
      const method = remaining.shift();
      if (method !== undefined) tried.push(method.label);
      // ssh2 expects `false` after the last method; its types omit it.
      next(method?.method ?? (false as never));
    },
  };
  const stopListening = whenAborted(signal, () => sock.destroy());
  try {
    await ssh.connect(config);
    if (ssh.connection === null) throw new TransientError('the connection closed at once');
    return open(target, ssh.connection, sock, options.clock);
  } catch (error) {
    sock.destroy();
    if (hostKey.failure !== undefined) throw hostKey.failure;
    const failure = handshakeFailure(target, known, tried, error);
    throw route.proxy === undefined ? failure : await proxyError(target, route.proxy, failure);
  } finally {
    stopListening();
  }
}

/** If the ProxyCommand ended by itself, that is the reason. */
async function proxyError(target: SshTarget, proxy: ProxyProcess, error: Error): Promise<Error> {
  const code = await proxy.ended;
  if (!(error instanceof TransientError) || code === undefined || code === 0) return error;
  const failure = proxyFailure(target.name, code, proxy, error);
  return couldNotStart(code) ? failure : new TransientError(failure.message, failure);
}

function open(target: SshTarget, client: Client, sock: Duplex, clock: Clock): Connection {
  const lost = new AbortController();
  const lose = (cause: Error) => lost.abort(lostFailure(target.name, cause));
  const closed = new Promise<void>((resolve) => {
    client.on('error', (error) => {
      // At once, because later errors are consequences.
      lose(error);
      sock.destroy();
    });
    client.on('close', () => {
      lose(new Error('the other side closed it'));
      resolve();
    });
  });
  return {
    target,
    client,
    ports: ssh2Ports(client, { name: target.name, lost: lost.signal }),
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

function hostKeyAlgorithms(known: KnownKeys): { serverHostKey?: HostKeyAlgorithms } {
  const wanted = known.algorithms()?.filter((name) => supportedHostKeys.includes(name)) ?? [];
  return wanted.length === 0 ? {} : { serverHostKey: wanted as HostKeyAlgorithms };
}

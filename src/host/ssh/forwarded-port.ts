import type { Channel, TcpConnectionDetails } from 'ssh2';
import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { ChannelSocket } from '../docker/agent.js';
import { lossOf } from '../failures.js';
import type { ConnectionHandler, ForwardedPort } from '../host.js';
import type { Connection } from './connection.js';

const loopback = '127.0.0.1';
/** ms */
const responseTimeout = 10_000;
/** A run that just died may still be listening. ms */
const retryDelay = 200;
const maxAttempts = 5;

/** Forwards a port on the host's loopback to this process. See `Host.forwardPort`. */
export async function forwardPort(
  connection: Connection,
  clock: Clock,
  port: number,
  handle: ConnectionHandler,
): Promise<ForwardedPort> {
  const { client, lost, target } = connection;
  const requestPort = (requested: number) => {
    const onTimeout = () =>
      new Failure('unreachable', 'host.timeout', `${target.name} does not respond`, { host: target.name });
    return withTimeout(clock, responseTimeout, [lost], onTimeout, () => openPort(connection, requested));
  };
  const open = new Set<ChannelSocket>();
  const onConnection = (
    { destPort, srcIP }: TcpConnectionDetails,
    accept: () => Channel,
    reject: () => void,
  ) => {
    if (destPort !== port) return;
    // With `GatewayPorts yes` sshd listens on all addresses.
    if (!isLoopback(srcIP)) return reject();
    const socket = new ChannelSocket(accept());
    socket.on('error', () => undefined);
    open.add(socket);
    void socket.gone.then(() => open.delete(socket));
    handle(socket);
  };
  client.on('tcp connection', onConnection);
  try {
    for (let tries = 1; (await requestPort(port)) === undefined; tries += 1) {
      const failure = await forwardFailure(connection, port, requestPort);
      if (failure.code !== 'lend.taken' || tries === maxAttempts) throw failure;
      await clock.sleep(retryDelay, lost);
    }
  } catch (error) {
    client.off('tcp connection', onConnection);
    throw error;
  }
  return {
    end() {
      closePort(connection, port);
      client.off('tcp connection', onConnection);
      for (const socket of open) socket.destroy();
    },
  };
}

/** Returns the port that sshd listens on, or undefined if it refuses; sshd gives no reason. */
function openPort({ client, lost, target }: Connection, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    try {
      client.forwardIn(loopback, port, (error, given) => resolve(error ? undefined : given));
    } catch (error) {
      reject(lossOf({ name: target.name, lost }, error));
    }
  });
}

/** Does not wait: later requests on this connection are handled after it. */
function closePort({ client }: Connection, port: number): void {
  try {
    client.unforwardIn(loopback, port);
  } catch {
    // The port closed with the connection.
  }
}

/** If sshd accepts another port, this one is in use. */
async function forwardFailure(
  connection: Connection,
  port: number,
  requestPort: (port: number) => Promise<number | undefined>,
): Promise<Failure> {
  const { name, user } = connection.target;
  const other = await requestPort(0);
  if (other === undefined)
    return new Failure('access', 'lend.forbidden', `${name} does not allow ${user} remote port forwarding`, {
      host: name,
      hint: 'set `AllowTcpForwarding yes` in its sshd_config, and check `DisableForwarding`, `PermitListen` and authorized_keys',
    });
  closePort(connection, other);
  return new Failure('failed', 'lend.taken', `port ${port} on ${name} is in use`, {
    host: name,
    hint: `run on ${name}: ss -ltnp 'sport = :${port}'`,
  });
}

const isLoopback = (address: string) => /^(?:::ffff:)?127\.|^::1$/.test(address);

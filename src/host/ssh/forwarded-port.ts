import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { ChannelSocket } from '../docker/agent.js';
import type { ConnectionHandler, ForwardedPort } from '../host.js';
import type { IncomingConnection } from './channel.js';
import type { Connection } from './connection.js';

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
  const { ports, lost, target } = connection;
  const requestPort = (requested: number) => {
    const onTimeout = () =>
      new Failure('unreachable', 'host.timeout', `${target.name} does not respond`, { host: target.name });
    return withTimeout(clock, responseTimeout, [lost], onTimeout, () => ports.open(requested));
  };
  const open = new Set<ChannelSocket>();
  const onConnection = (incoming: IncomingConnection) => {
    if (incoming.port !== port) return;
    // With `GatewayPorts yes` sshd listens on all addresses.
    if (!isLoopback(incoming.from)) return incoming.reject();
    const socket = new ChannelSocket(incoming.accept());
    socket.on('error', () => undefined);
    open.add(socket);
    void socket.gone.then(() => open.delete(socket));
    handle(socket);
  };
  const stopListening = ports.onConnection(onConnection);
  try {
    for (let tries = 1; (await requestPort(port)) === undefined; tries += 1) {
      const failure = await forwardFailure(connection, port, requestPort);
      if (failure.code !== 'lend.taken' || tries === maxAttempts) throw failure;
      await clock.sleep(retryDelay, lost);
    }
  } catch (error) {
    stopListening();
    throw error;
  }
  return {
    end() {
      ports.close(port);
      stopListening();
      for (const socket of open) socket.destroy();
    },
  };
}

/** sshd gives no reason for a refusal. If it accepts another port, this one is in use. */
async function forwardFailure(
  { ports, target: { name, user } }: Connection,
  port: number,
  requestPort: (port: number) => Promise<number | undefined>,
): Promise<Failure> {
  const other = await requestPort(0);
  if (other === undefined)
    return new Failure('access', 'lend.forbidden', `${name} does not allow ${user} remote port forwarding`, {
      host: name,
      hint: 'set `AllowTcpForwarding yes` in its sshd_config, and check `DisableForwarding`, `PermitListen` and authorized_keys',
    });
  ports.close(other);
  return new Failure('failed', 'lend.taken', `port ${port} on ${name} is in use`, {
    host: name,
    hint: `run on ${name}: ss -ltnp 'sport = :${port}'`,
  });
}

const isLoopback = (address: string) => /^(?:::ffff:)?127\.|^::1$/.test(address);

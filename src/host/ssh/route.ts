import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { whenAborted } from '../../domain/abort.js';
import type { SshClient } from './channel.js';
import type { SshTarget } from './config.js';
import { endpoint, socketFailure, unreachable } from './dial-failures.js';
import { ProxyProcess } from './proxy-command.js';

/** A connected host that forwards connections to others. */
export interface Bastion {
  readonly target: SshTarget;
  readonly client: Pick<SshClient, 'forwardOut'>;
}

/** A stream to a host. */
export interface Route {
  readonly stream: Duplex;
  /** The ProxyCommand behind the stream. */
  readonly proxy?: ProxyProcess;
}

/** Opens a stream to the host: through the bastion, the user's ProxyCommand, or directly. */
export async function openRoute(
  target: SshTarget,
  bastion: Bastion | undefined,
  signal: AbortSignal,
): Promise<Route> {
  if (bastion !== undefined) return { stream: await openThrough(target, bastion) };
  if (target.proxyCommand !== undefined) {
    const proxy = new ProxyProcess(target.proxyCommand);
    return { stream: proxy.stream, proxy };
  }
  return { stream: await openSocket(target, signal) };
}

function openSocket(target: SshTarget, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // Nagle's algorithm, on by default, costs 40 ms per command.
    const socket = connectSocket({ host: target.address, port: target.port, noDelay: true });
    const stopListening = whenAborted(signal, () => socket.destroy());
    socket.once('error', (error: NodeJS.ErrnoException) => reject(socketFailure(target, error)));
    socket.once('connect', () => {
      stopListening();
      resolve(socket);
    });
  });
}

function openThrough(target: SshTarget, bastion: Bastion): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.client.forwardOut('127.0.0.1', 0, target.address, target.port, (error, channel) => {
      if (!error) resolve(channel);
      else
        reject(
          unreachable(target, `${bastion.target.name} cannot reach ${endpoint(target)}: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
}

import type { Client, Channel as Ssh2Channel, TcpConnectionDetails } from 'ssh2';
import { lossOf } from '../failures.js';
import type { RemotePorts } from './channel.js';

const loopback = '127.0.0.1';

/** The forwarded ports of a connection of ssh2. */
export function ssh2Ports(
  client: Client,
  host: { readonly name: string; readonly lost: AbortSignal },
): RemotePorts {
  return {
    open: (port) =>
      new Promise((resolve, reject) => {
        try {
          client.forwardIn(loopback, port, (error, given) => resolve(error ? undefined : given));
        } catch (error) {
          reject(lossOf(host, error));
        }
      }),
    close: (port) => {
      try {
        client.unforwardIn(loopback, port);
      } catch {
        // The port closed with the connection.
      }
    },
    onConnection: (listener) => {
      const take = (
        { destPort, srcIP }: TcpConnectionDetails,
        accept: () => Ssh2Channel,
        reject: () => void,
      ) => listener({ port: destPort, from: srcIP, accept, reject });
      client.on('tcp connection', take);
      return () => client.off('tcp connection', take);
    },
  };
}

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sandbox } from '../integration/harness.js';

/** Handles a request instead of forwarding it; returns false to forward it. */
export type Fault = (incoming: IncomingMessage, response: ServerResponse, forward: Forward) => boolean;
/** Forwards the request to the sandbox's registry and returns the response. */
export type Forward = () => Promise<{
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: Buffer;
}>;

/** A proxy to the sandbox's registry with injected faults. */
export interface BadRegistry {
  /** Its address on the first machine. */
  readonly name: string;
  /** The current fault. */
  fault: Fault;
  close(): Promise<void>;
}

/** Starts a registry that the engine reaches on loopback, where it needs no certificate. */
export async function startBadRegistry(sandbox: Sandbox): Promise<BadRegistry> {
  const [gateway = ''] = (
    await sandbox.inside(1, 'sh', '-c', "ip route | awk '/^default/ { print $3 }'")
  ).split('\n');
  const bad = { fault: () => false as boolean } as { fault: Fault };
  const server = createServer((incoming, response) => {
    const forward = () => relay(sandbox.registry, incoming);
    if (bad.fault(incoming, response, forward)) return;
    forward().then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  const { port } = server.address() as AddressInfo;
  const lines = [
    'defaults\n mode tcp\n timeout connect 5s\n timeout client 10m\n timeout server 10m',
    `listen bad\n bind 127.0.0.1:${port}\n server bad ${gateway}:${port}\n`,
  ];
  await sandbox.inside(1, 'sh', '-c', `echo '${lines.join('\n')}' >/run/bad-${port}.cfg`);
  await sandbox.inside(1, 'haproxy', '-D', '-p', `/run/bad-${port}.pid`, '-f', `/run/bad-${port}.cfg`);
  return Object.assign(bad, {
    name: `127.0.0.1:${port}`,
    close: async () => {
      await sandbox.inside(1, 'sh', '-c', `kill $(cat /run/bad-${port}.pid)`);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function relay(registry: string, incoming: IncomingMessage): ReturnType<Forward> {
  return new Promise((resolve, reject) => {
    const forwarded = request(`http://${registry}${incoming.url}`, {
      ...{ method: incoming.method, agent: false },
      headers: { accept: incoming.headers.accept ?? '*/*' },
    });
    forwarded.on('error', reject).on('response', (reply) => {
      const parts: Buffer[] = [];
      reply.on('error', reject).on('data', (part: Buffer) => parts.push(part));
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(parts) }),
      );
    });
    forwarded.end();
  });
}

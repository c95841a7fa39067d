import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Machines } from '../integration/harness.js';

/** What the registry does with a request instead of answering it; false to answer it after all. */
export type Fault = (asked: IncomingMessage, answer: ServerResponse, truly: Truly) => boolean;
/** The answer that the sandbox's registry would give. */
export type Truly = () => Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>;

/** A registry in front of the sandbox's, which misbehaves as the test says. */
export interface BadRegistry {
  /** As the first machine names it. */
  readonly name: string;
  /** In force until it is replaced. */
  fault: Fault;
  close(): Promise<void>;
}

/** The machine's engine reaches it on its own loopback, where it wants no certificate. */
export async function badRegistry(field: Machines): Promise<BadRegistry> {
  const [gateway = ''] = (
    await field.inside(1, 'sh', '-c', "ip route | awk '/^default/ { print $3 }'")
  ).split('\n');
  const bad = { fault: () => false as boolean } as { fault: Fault };
  const server = createServer((asked, answer) => {
    const truly = () => relay(field.registry, asked);
    if (bad.fault(asked, answer, truly)) return;
    truly().then(
      ({ status, headers, body }) => answer.writeHead(status, headers).end(body),
      () => answer.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  const { port } = server.address() as AddressInfo;
  const lines = [
    'defaults\n mode tcp\n timeout connect 5s\n timeout client 10m\n timeout server 10m',
    `listen bad\n bind 127.0.0.1:${port}\n server bad ${gateway}:${port}\n`,
  ];
  await field.inside(1, 'sh', '-c', `echo '${lines.join('\n')}' >/run/bad-${port}.cfg`);
  await field.inside(1, 'haproxy', '-D', '-p', `/run/bad-${port}.pid`, '-f', `/run/bad-${port}.cfg`);
  return Object.assign(bad, {
    name: `127.0.0.1:${port}`,
    close: async () => {
      await field.inside(1, 'sh', '-c', `kill $(cat /run/bad-${port}.pid)`);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function relay(registry: string, asked: IncomingMessage): ReturnType<Truly> {
  return new Promise((resolve, reject) => {
    const passed = request(`http://${registry}${asked.url}`, {
      ...{ method: asked.method, agent: false },
      headers: { accept: asked.headers.accept ?? '*/*' },
    });
    passed.on('error', reject).on('response', (given) => {
      const parts: Buffer[] = [];
      given.on('error', reject).on('data', (part: Buffer) => parts.push(part));
      given.on('end', () =>
        resolve({ status: given.statusCode ?? 0, headers: given.headers, body: Buffer.concat(parts) }),
      );
    });
    passed.end();
  });
}

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/domain/clock.js';
import { probeFromHere } from '../../../src/host/local-probe.js';
import { selfSigned } from '../../fakes/certificate.js';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const probe = (port: number, special = {}) =>
  probeFromHere({ port, path: '/up', timeout: 5000, ...special }, systemClock, new AbortController().signal);

it('sends a request with its host and headers', async () => {
  const port = await listen(
    createHttpServer(({ url, headers }, response) =>
      response.writeHead(207).end(`${url} ${headers.host} ${headers['x-key']}`),
    ),
  );
  expect(await probe(port, { host: 'shop.example.com', headers: { 'x-key': 'a' } })).toMatchObject({
    status: 207,
    body: '/up shop.example.com a',
  });
});

it('names the server in the TLS handshake, and reports a certificate that is not trusted', async () => {
  let name: string | undefined;
  const server = createHttpsServer({
    ...selfSigned,
    SNICallback: (servername, done) => {
      name = servername;
      done(null);
    },
  });
  const port = await listen(server.on('request', (_, response) => response.end('hello')));
  const https = { scheme: 'https', serverName: 'shop.example.com' } as const;
  expect(await probe(port, https)).toMatchObject({
    body: 'hello',
    certificateProblem: 'the certificate for shop.example.com is self-signed',
  });
  expect(name).toBe('shop.example.com');
  expect((await probe(port, { scheme: 'https' })).certificateProblem).toBeUndefined();
});

it('is unhealthy if nothing listens, or the answer is not HTTP, TLS, or in time', async () => {
  const kind = 'unhealthy';
  const rude = await listen(createServer((socket) => socket.on('error', () => undefined).end('go away\n')));
  await expect(probe(rude)).rejects.toMatchObject({ kind, code: 'probe.closed' });
  await expect(probe(rude, { scheme: 'https' })).rejects.toMatchObject({ kind, code: 'probe.closed' });
  await expect(probe(1)).rejects.toMatchObject({ kind, code: 'probe.refused' });
  const silent = await listen(createServer((socket) => socket.on('error', () => undefined).resume()));
  await expect(probe(silent, { timeout: 50 })).rejects.toMatchObject({ kind, code: 'probe.timeout' });
  await expect(probe(silent, { timeout: 50, scheme: 'https' })).rejects.toMatchObject({
    kind,
    code: 'probe.timeout',
  });
});

import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { lacksAnswer } from '../../../src/sandbox/registry.js';

const servers: Server[] = [];

afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`;
}

it('lacks nothing when it answers', async () => {
  const url = await listening(createHttpServer((_, reply) => reply.end('{}')));
  expect(await lacksAnswer(url)).toBeUndefined();
});

it('lacks an answer when it says that something is wrong', async () => {
  const url = await listening(createHttpServer((_, reply) => reply.writeHead(503).end()));
  expect(await lacksAnswer(url)).toBe('it answers 503');
});

it('lacks an answer when the port accepts and hangs up, as that of a container which does not listen yet', async () => {
  const url = await listening(createServer((socket) => socket.destroy()));
  expect(await lacksAnswer(url)).toMatch(/hang up|ECONNRESET/);
});

it('lacks an answer when nothing listens', async () => {
  const url = await listening(createServer());
  const server = servers.pop();
  await new Promise((done) => server?.close(done));
  expect(await lacksAnswer(url)).toMatch(/ECONNREFUSED/);
});

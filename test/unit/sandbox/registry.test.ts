import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { httpProblem } from '../../../src/sandbox/registry.js';

const servers: Server[] = [];

afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`;
}

it('has no problem if the URL responds with 2xx', async () => {
  const url = await listening(createHttpServer((_, reply) => reply.end('{}')));
  expect(await httpProblem(url)).toBeUndefined();
});

it('reports an error status', async () => {
  const url = await listening(createHttpServer((_, reply) => reply.writeHead(503).end()));
  expect(await httpProblem(url)).toBe('status 503');
});

it('reports a port that accepts and hangs up, like that of a starting container', async () => {
  const url = await listening(createServer((socket) => socket.destroy()));
  expect(await httpProblem(url)).toMatch(/hang up|ECONNRESET/);
});

it('reports a port on which nothing listens', async () => {
  const url = await listening(createServer());
  const server = servers.pop();
  await new Promise((done) => server?.close(done));
  expect(await httpProblem(url)).toMatch(/ECONNREFUSED/);
});

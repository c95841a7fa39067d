import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../../src/domain/clock.js';
import type { HostAddress } from '../../../../src/domain/environment.js';
import type { Host } from '../../../../src/host/host.js';
import { connectAll } from '../../../../src/host/hosts.js';
import { keyPair, SshServer, type SshServerOptions } from '../../../fakes/ssh-server.js';

const mine = keyPair();
let home: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
  writeFileSync(join(home, 'key'), mine.private);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(home, { recursive: true });
});

async function serve(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await SshServer.start({ authorized: [mine.public], ...options });
  closing.push(() => server.close());
  writeFileSync(join(home, 'known_hosts'), server.known, { flag: 'a' });
  return server;
}

async function connected({ port }: SshServer, bastion?: SshServer): Promise<Host> {
  const own = { address: '127.0.0.1', user: 'deploy', key: '~/key', knownHosts: '~/known_hosts' };
  const addressOf = (name: string, at: number) =>
    ({ name, port: at, ...own, hostKeys: 'known' }) satisfies HostAddress;
  const through = bastion === undefined ? {} : { bastion: addressOf('gate', bastion.port) };
  const environment = { home, user: 'me', variables: { PATH: process.env.PATH } };
  const addresses = [{ ...addressOf('web-1', port), ...through }];
  const hosts = await connectAll(addresses, { clock: systemClock, environment });
  closing.push(() => hosts.close());
  const host = hosts.connected.get('web-1');
  if (host === undefined) throw hosts.failures[0] ?? new Error('neither connected nor failed');
  return host;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The greeting on the port: `nothing` if the connection closes, `refused` if nothing listens. */
function heard(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial({ host: '127.0.0.1', port });
    socket.setEncoding('utf8').once('data', (text: string) => {
      resolve(text);
      socket.destroy();
    });
    socket.on('error', () => resolve('refused')).on('close', () => resolve('nothing'));
  });
}

const greet = (connection: Duplex) => connection.write('hello');

describe('a forwarded port', () => {
  it('forwards connections, directly and through a bastion, until it is ended', async () => {
    for (const bastion of [undefined, await serve()]) {
      const host = await connected(await serve(), bastion);
      const port = await freePort();
      const lent = await host.forwardPort(port, greet);
      expect([await heard(port), await heard(port)]).toEqual(['hello', 'hello']);
      lent.end();
      // A later response means that the end has arrived.
      await host.run({ argv: ['true'], timeout: 60_000 });
      expect(await heard(port)).toBe('refused');
    }
  });

  it('closes open connections when it is ended', async () => {
    const host = await connected(await serve());
    const port = await freePort();
    const lent = await host.forwardPort(port, greet);
    const socket = dial({ host: '127.0.0.1', port });
    await new Promise((resolve) => socket.once('data', resolve));
    const cut = new Promise((resolve) => socket.once('close', resolve));
    lent.end();
    await cut;
  });

  it('closes with the connection, and can still be ended', async () => {
    const server = await serve();
    const host = await connected(server);
    const port = await freePort();
    const lent = await host.forwardPort(port, greet);
    const lost = new Promise((resolve) => host.lost.addEventListener('abort', resolve));
    server.cut();
    await lost;
    lent.end();
    expect(await heard(port)).toBe('refused');
    await expect(host.forwardPort(port, greet)).rejects.toMatchObject({ kind: 'unreachable', host: 'web-1' });
  });

  it('rejects remote clients if sshd listens on all addresses', async () => {
    const host = await connected(await serve({ from: '192.0.2.7' }));
    const port = await freePort();
    await host.forwardPort(port, greet);
    expect(await heard(port)).toBe('nothing');
  });

  it('fails with kind access if sshd forbids it', async () => {
    const host = await connected(await serve({ remoteForwarding: false }));
    await expect(host.forwardPort(await freePort(), greet)).rejects.toMatchObject({
      kind: 'access',
      code: 'lend.forbidden',
      host: 'web-1',
      hint: expect.stringContaining('AllowTcpForwarding'),
    });
  });

  it('retries while the port is in use, then fails with its number', async () => {
    const [first, second] = [await connected(await serve()), await connected(await serve())];
    const port = await freePort();
    const lent = await first.forwardPort(port, greet);
    await expect(second.forwardPort(port, greet)).rejects.toMatchObject({
      kind: 'failed',
      code: 'lend.taken',
      message: expect.stringContaining(String(port)),
    });
    const waiting = second.forwardPort(port, greet);
    lent.end();
    (await waiting).end();
  });
});

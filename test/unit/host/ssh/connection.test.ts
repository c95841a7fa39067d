import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../../src/domain/clock.js';
import type { HostAddress } from '../../../../src/domain/environment.js';
import type { Failure } from '../../../../src/domain/failure.js';
import { longestChain, type RemoteCall } from '../../../../src/host/call-log.js';
import type { Host } from '../../../../src/host/host.js';
import { connectAll, type HostsOptions } from '../../../../src/host/hosts.js';
import { MovableClock } from '../../../fakes/clock.js';
import { keyPair, SshServer, type SshServerOptions } from '../../../fakes/ssh-server.js';
import { TcpProxy } from '../../../fakes/tcp-proxy.js';

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

const addressOf = (port: number, more: Partial<HostAddress> = {}): HostAddress => ({
  name: 'web-1',
  address: '127.0.0.1',
  port,
  user: 'deploy',
  key: '~/key',
  knownHosts: '~/known_hosts',
  hostKeys: 'known',
  ...more,
});

async function connect(addresses: HostAddress[], options: Partial<HostsOptions> = {}) {
  const environment = { home, user: 'me', variables: { PATH: process.env.PATH } };
  const hosts = await connectAll(addresses, { clock: systemClock, environment, ...options });
  closing.push(() => hosts.close());
  return hosts;
}

async function connected(
  port: number,
  more: Partial<HostAddress> = {},
  options: Partial<HostsOptions> = {},
): Promise<Host> {
  const { connected: hosts, failures } = await connect([addressOf(port, more)], options);
  const host = hosts.get('web-1');
  if (host === undefined) throw failures[0] ?? new Error('neither connected nor failed');
  return host;
}

async function refusal(
  port: number,
  more: Partial<HostAddress> = {},
  options: Partial<HostsOptions> = {},
): Promise<Failure> {
  const { failures } = await connect([addressOf(port, more)], options);
  const [failure] = failures;
  if (failure === undefined) throw new Error('it connected');
  return failure;
}

const echo = (word: string) => ({ argv: ['echo', word], timeout: 60_000 });

/** A TCP server, closed after the test. */
async function listen(
  server: ReturnType<typeof createServer> | ReturnType<typeof createHttpServer>,
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('connecting', () => {
  it('runs many commands at once over one connection, within its session limit', async () => {
    const server = await serve();
    const host = await connected(server.port);
    const words = Array.from({ length: 25 }, (_, index) => `word ${index}`);
    const answers = await Promise.all(words.map((word) => host.run(echo(word))));
    expect(answers.map(({ stdout }) => stdout)).toEqual(words.map((word) => `${word}\n`));
    expect(server.connections).toBe(1);
    expect(server.mostSessions).toBeLessThanOrEqual(10);
  });

  it.each([1, 2])('works with a limit of %d sessions', async (maxSessions) => {
    const server = await serve({ maxSessions });
    const host = await connected(server.port);
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((word) => host.run(echo(word))));
    expect(answers.map(({ stdout }) => stdout.trim())).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('names the setting if a long-lived session leaves no other', async () => {
    const host = await connected((await serve({ maxSessions: 1 })).port);
    const held = await host.spawn(['cat']);
    await expect(host.run(echo('a'))).rejects.toMatchObject({
      code: 'host.sessions',
      hint: expect.stringContaining('MaxSessions'),
    });
    held.end();
    expect(await held.ended).toBe(0);
  });

  it('fails with host, kind and hint if nothing listens, the name is unknown, or there is no response', async () => {
    const silent = await listen(createServer(() => undefined));
    const closed = await listen(createServer());
    await closing.pop()?.();
    expect(await refusal(closed)).toMatchObject({
      kind: 'unreachable',
      code: 'host.unreachable',
      host: 'web-1',
      message: expect.stringContaining('refused the connection'),
    });
    expect(await refusal(22, { address: 'no-such-host.invalid' })).toMatchObject({ kind: 'unreachable' });
    expect(await refusal(silent, {}, { deadline: 300 })).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('within 0.3 s'),
    });
  });

  it('retries when a busy server closes the connection before the handshake', async () => {
    const server = await serve({ drops: 2 });
    expect((await (await connected(server.port)).run(echo('a'))).stdout).toBe('a\n');
    expect(server.connections).toBe(3);
    expect(await refusal((await serve({ drops: 9 })).port)).toMatchObject({ kind: 'unreachable' });
  });

  it('connects to the other hosts if some fail', async () => {
    const server = await serve();
    const addresses = [addressOf(1, { name: 'down' }), addressOf(server.port, { name: 'up' })];
    const { connected: hosts, failures } = await connect(addresses);
    expect([...hosts.keys()]).toEqual(['up']);
    expect(failures).toMatchObject([{ host: 'down', kind: 'unreachable' }]);
  });
});

describe('logging in', () => {
  it('fails with the user and the keys it tried', async () => {
    const server = await serve({ authorized: [keyPair().public] });
    const failure = await refusal(server.port);
    expect(failure).toMatchObject({
      kind: 'access',
      code: 'host.auth',
      hint: expect.stringContaining('ssh-copy-id'),
    });
    expect(failure.message).toContain(`as deploy: tried ${home}/key`);
  });

  it('reports that no key was found, or that the configured key is missing', async () => {
    const server = await serve();
    expect(await refusal(server.port, { key: '~/none' })).toMatchObject({
      code: 'host.key-missing',
      kind: 'access',
    });
    const { key: _, ...unnamed } = addressOf(server.port);
    const { failures } = await connect([unnamed]);
    expect(failures).toMatchObject([{ code: 'host.auth', hint: expect.stringContaining('ssh-add') }]);
  });

  it('prompts for a passphrase once for all hosts, after all other keys', async () => {
    const locked = keyPair('ed25519', 'secret');
    writeFileSync(join(home, 'locked'), locked.private);
    const servers = [
      await serve({ authorized: [locked.public] }),
      await serve({ authorized: [locked.public] }),
    ];
    const addresses = servers.map(({ port }, index) =>
      addressOf(port, { name: `web-${index}`, key: '~/locked' }),
    );
    const asked: string[] = [];
    const askPassphrase = async (path: string) => {
      asked.push(path);
      return 'secret';
    };
    expect((await connect(addresses, { askPassphrase })).failures).toEqual([]);
    expect(asked).toEqual([join(home, 'locked')]);
    const nobody = await connect(addresses);
    expect(nobody.failures).toMatchObject([
      { code: 'host.key-locked', hint: expect.stringContaining('ssh-add'), host: 'web-0' },
      { code: 'host.key-locked', host: 'web-1' },
    ]);
    const wrong = await connect(addresses.slice(0, 1), { askPassphrase: async () => 'guess' });
    expect(wrong.failures).toMatchObject([{ message: expect.stringContaining('wrong passphrase') }]);
  });
});

describe('an agent', () => {
  it('logs in with the configured key or any other; a missing agent is ignored', async () => {
    const locked = keyPair('ed25519', 'secret');
    writeFileSync(join(home, 'locked'), locked.private);
    writeFileSync(join(home, 'locked.pub'), locked.public);
    const socket = join(home, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    closing.push(async () => agent.kill());
    writeFileSync(join(home, 'plain'), keyPair().private, { mode: 0o600 });
    writeFileSync(join(home, 'open'), mine.private, { mode: 0o600 });
    while (!existsSync(socket)) await new Promise((resolve) => setImmediate(resolve));
    const add = (file: string, passphrase = '') =>
      execFileSync(
        'sh',
        ['-c', 'SSH_ASKPASS="$0" SSH_ASKPASS_REQUIRE=force ssh-add -q "$1" 2>&1', join(home, 'ask'), file],
        {
          env: { ...process.env, SSH_AUTH_SOCK: socket, ANSWER: passphrase },
        },
      );
    writeFileSync(join(home, 'ask'), '#!/bin/sh\necho "$ANSWER"\n', { mode: 0o755 });
    chmodSync(join(home, 'locked'), 0o600);
    for (const file of ['plain', 'open']) add(join(home, file));
    add(join(home, 'locked'), 'secret');
    const environment = { home, user: 'me', variables: { PATH: process.env.PATH, SSH_AUTH_SOCK: socket } };
    const named = await serve({ authorized: [locked.public] });
    await connected(named.port, { key: '~/locked' }, { environment });
    expect(named.logins).toHaveLength(1 + 1);
    const any = await serve();
    const { key: _, ...unnamed } = addressOf(any.port);
    expect((await connect([unnamed], { environment })).failures).toEqual([]);
    const gone = { ...environment, variables: { SSH_AUTH_SOCK: join(home, 'none') } };
    await connected(any.port, {}, { environment: gone });
  });
});

describe('the key of a host', () => {
  it('is rejected if unknown, saved with accept-new, and rejected if it changes', async () => {
    const server = await serve();
    const fresh = { knownHosts: '~/fresh' };
    expect(await refusal(server.port, fresh)).toMatchObject({ kind: 'access', code: 'host.key-unknown' });
    await connected(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(readFileSync(join(home, 'fresh'), 'utf8')).toContain(`[127.0.0.1]:${server.port} ssh-ed25519 `);
    await connected(server.port, fresh);
    const other = keyPair().public;
    writeFileSync(join(home, 'fresh'), `[127.0.0.1]:${server.port} ${other}\n`);
    const failure = await refusal(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(failure).toMatchObject({ kind: 'access', code: 'host.key-changed' });
    expect(failure.message).toContain(`${home}/fresh:1`);
  });

  it('counts as changed if it has another type', async () => {
    const server = await serve({ hostKeyType: 'ecdsa' });
    writeFileSync(join(home, 'fresh'), `[127.0.0.1]:${server.port} ${keyPair().public}\n`);
    expect(await refusal(server.port, { knownHosts: '~/fresh' })).toMatchObject({ code: 'host.key-changed' });
  });
});

describe('a connection', () => {
  it('shares one connection to a bastion, with a channel per host', async () => {
    const bastion = await serve();
    const servers = [await serve(), await serve(), await serve()];
    const through = addressOf(bastion.port, { name: 'bastion' });
    const addresses = servers.map(({ port }, index) =>
      addressOf(port, { name: `web-${index}`, bastion: through }),
    );
    const { connected: hosts, failures } = await connect(addresses);
    expect(failures).toEqual([]);
    expect(hosts.size).toBe(3);
    for (const host of hosts.values()) expect((await host.run(echo('a'))).stdout).toBe('a\n');
    expect(bastion.connections).toBe(1);
    bastion.cut();
    for (const host of hosts.values())
      await expect(host.run(echo('a'))).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('fails for each host behind an unreachable bastion', async () => {
    const bastion = addressOf(1, { name: 'bastion' });
    const addresses = ['a', 'b'].map((name) => addressOf(2, { name, bastion }));
    const { failures } = await connect(addresses);
    expect(failures).toMatchObject([
      { host: 'a', message: expect.stringContaining('bastion') },
      { host: 'b', message: expect.stringContaining('bastion') },
    ]);
  });

  it('fails pending and later calls once it is cut', async () => {
    const server = await serve();
    const host = await connected(server.port);
    const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
    const held = await host.spawn(['cat']);
    const cut = new Promise((resolve) => host.lost.addEventListener('abort', resolve));
    server.cut();
    await cut;
    await expect(running).rejects.toMatchObject({
      ...{ code: 'host.lost', host: 'web-1' },
      message: expect.stringMatching(
        /^the SSH connection to web-1 broke: (?:the other side closed it|read ECONNRESET)$/,
      ),
    });
    expect(await held.ended).toBeUndefined();
    await expect(host.run(echo('a'))).rejects.toMatchObject({ code: 'host.lost' });
    await expect(host.engine.images()).rejects.toMatchObject({ code: 'host.lost' });
  });

  it('fails calls with the reason that the server gives when it disconnects', async () => {
    const server = await serve();
    const host = await connected(server.port);
    const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
    const images = host.engine.images();
    server.disconnect();
    const message = 'the SSH connection to web-1 broke: PROTOCOL_ERROR';
    await expect(running).rejects.toMatchObject({ code: 'host.lost', message });
    await expect(images).rejects.toMatchObject({ code: 'host.lost', message });
  });

  it('detects a frozen peer by missing keepalives', async () => {
    const server = await serve();
    const proxy = await TcpProxy.to('127.0.0.1', server.port);
    closing.push(() => proxy.close());
    const host = await connected(proxy.port, { hostKeys: 'accept-new' }, { keepalive: 50 });
    const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
    proxy.freeze();
    await expect(running).rejects.toMatchObject({ kind: 'unreachable', code: 'host.lost' });
  });

  it('closes although the peer is frozen', async () => {
    const server = await serve();
    const proxy = await TcpProxy.to('127.0.0.1', server.port);
    closing.push(() => proxy.close());
    const clock = new MovableClock();
    const host = await connected(proxy.port, { hostKeys: 'accept-new' }, { clock });
    proxy.freeze();
    const closed = host.close();
    await clock.advance(2000);
    await closed;
    expect(host.lost.aborted).toBe(true);
  });

  it('reports each call and its order', async () => {
    const calls: RemoteCall[] = [];
    const server = await serve();
    const host = await connected(server.port, {}, { onCallEnd: (call) => calls.push(call) });
    await host.run(echo('a'));
    await Promise.all([host.run(echo('b')), host.run(echo('c'))]);
    await host.run({ argv: ['sleep', '9'], timeout: 1 }).catch(() => undefined);
    expect(calls.map(({ kind, what }) => `${kind} ${what}`).sort()).toEqual([
      `connect deploy@127.0.0.1:${server.port}`,
      'run echo a',
      'run echo b',
      'run echo c',
      'run sleep 9',
    ]);
    expect(calls.at(-1)).toMatchObject({ host: 'web-1', failure: 'host.timeout' });
    expect(longestChain(calls)).toBe(4);
  });
});

describe('a command', () => {
  it('fails if it exits without a status or by a signal', async () => {
    const none = await connected((await serve({ exec: (_command, channel) => channel.end() })).port);
    await expect(none.run(echo('a'))).rejects.toMatchObject({ kind: 'failed', code: 'host.no-status' });
    const host = await connected((await serve()).port);
    await expect(host.run({ argv: ['sh', '-c', 'kill -TERM $$'], timeout: 5000 })).rejects.toMatchObject({
      code: 'host.signal',
    });
  });

  it('is terminated on the host at a timeout or when cancelled', async () => {
    const host = await connected((await serve()).port);
    const slow = { argv: ['sleep', '60'], timeout: 50 };
    await expect(host.run(slow)).rejects.toMatchObject({ kind: 'failed', code: 'host.timeout' });
    const cancel = new AbortController();
    const running = host.run({ ...slow, timeout: 60_000 }, cancel.signal);
    cancel.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
    expect((await host.run(echo('a'))).stdout).toBe('a\n');
  });

  it('fails with kind access and the output if the login shell refuses it', async () => {
    const exec: SshServerOptions['exec'] = (_command, channel) => {
      channel.write('This account is currently not available.\n');
      channel.exit(1);
      channel.end();
    };
    const host = await connected((await serve({ exec })).port);
    await expect(host.run(echo('a'))).rejects.toMatchObject({
      kind: 'access',
      code: 'host.shell',
      evidence: ['This account is currently not available.'],
    });
  });

  it('exchanges lines if it is spawned', async () => {
    const host = await connected((await serve()).port);
    const held = await host.spawn(['sh', '-c', 'while read -r line; do echo "<$line>"; done; exit 4']);
    held.write('one');
    held.write("it's two");
    const lines = held.lines[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('<one>');
    expect((await lines.next()).value).toBe("<it's two>");
    held.end();
    expect(await held.ended).toBe(4);
  });
});

it.each([
  ['timeout=5, max=7', 5000],
  ['max=7', undefined],
])(
  'a probe tells how long the server keeps an idle connection where it says so: %s',
  async (header, keepAlive) => {
    const port = await listen(
      createHttpServer((_, response) => response.setHeader('keep-alive', header).end('x')),
    );
    const host = await connected((await serve({})).port);
    expect((await host.probe({ port, path: '/', timeout: 5000 })).keepAlive).toBe(keepAlive);
  },
);

describe.each([
  ['through the connection', true],
  ['by curl on the host, where forwarding is forbidden', false],
])('a probe %s', (_, tcpForwarding) => {
  const probing = async () => connected((await serve({ tcpForwarding })).port);

  it('returns any status and its body', async () => {
    const port = await listen(
      createHttpServer((request, response) => response.writeHead(503).end(`at ${request.url}`)),
    );
    const host = await probing();
    expect(await host.probe({ port, path: '/up?a=b', timeout: 5000 })).toMatchObject({
      status: 503,
      body: 'at /up?a=b',
    });
  });

  it('keeps the first 2 KiB of a long body', async () => {
    const port = await listen(createHttpServer((_request, response) => response.end('x'.repeat(100_000))));
    const { body } = await (await probing()).probe({ port, path: '/', timeout: 5000 });
    expect(body).toBe('x'.repeat(2048));
  });

  it('is unhealthy without a response, with one that is not HTTP, or if nothing listens', async () => {
    const host = await probing();
    const silent = await listen(createServer());
    await expect(host.probe({ port: silent, path: '/', timeout: 200 })).rejects.toMatchObject({
      kind: 'unhealthy',
      code: 'probe.timeout',
    });
    const rude = await listen(createServer((socket) => socket.end('go away\n')));
    await expect(host.probe({ port: rude, path: '/', timeout: 5000 })).rejects.toMatchObject({
      kind: 'unhealthy',
    });
    await expect(host.probe({ port: 1, path: '/', timeout: 5000 })).rejects.toMatchObject({
      kind: 'unhealthy',
      code: 'probe.refused',
    });
  });

  it('accepts a port that stays open, but not one that closes at once', async () => {
    const host = await probing();
    const stays = await listen(createServer((socket) => socket.on('error', () => undefined).resume()));
    await host.reach(stays, { timeout: 2000 });
    await expect(host.reach(1, { timeout: 2000 })).rejects.toMatchObject({
      kind: 'unhealthy',
      code: 'probe.refused',
    });
    const closes = await listen(createServer((socket) => socket.destroy()));
    await expect(host.reach(closes, { timeout: 2000 })).rejects.toMatchObject({ kind: 'unhealthy' });
  });
});

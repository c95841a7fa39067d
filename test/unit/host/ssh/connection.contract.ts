import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import type { HostAddress } from '../../../../src/domain/environment.js';
import { longestChain, type RemoteCall } from '../../../../src/host/call-log.js';
import { selfSigned } from '../../../fakes/certificate.js';
import { MovableClock } from '../../../fakes/clock.js';
import type { SshServerOptions } from '../../../fakes/ssh-server.js';
import { freePort, SshWorld } from '../../../fakes/ssh-world.js';
import { TcpProxy } from '../../../fakes/tcp-proxy.js';

const echo = (word: string) => ({ argv: ['echo', word], timeout: 60_000 });

/** The contract of connections, over any transport. */
export function connectionContract(name: string, transport: Partial<HostAddress>): void {
  describe(name, () => {
    const world = new SshWorld(transport);
    describe('connecting', () => {
      it('runs many commands at once over one connection, within its session limit', async () => {
        const server = await world.serve();
        const host = await world.connected(server.port);
        const words = Array.from({ length: 25 }, (_, index) => `word ${index}`);
        const answers = await Promise.all(words.map((word) => host.run(echo(word))));
        expect(answers.map(({ stdout }) => stdout)).toEqual(words.map((word) => `${word}\n`));
        expect(server.connections).toBe(1);
        expect(server.mostSessions).toBeLessThanOrEqual(10);
      });

      it.each([1, 2])('works with a limit of %d sessions', async (maxSessions) => {
        const server = await world.serve({ maxSessions });
        const host = await world.connected(server.port);
        const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((word) => host.run(echo(word))));
        expect(answers.map(({ stdout }) => stdout.trim())).toEqual(['a', 'b', 'c', 'd', 'e']);
      });

      it('names the setting if a long-lived session leaves no other', async () => {
        const host = await world.connected((await world.serve({ maxSessions: 1 })).port);
        const held = await host.spawn(['cat']);
        await expect(host.run(echo('a'))).rejects.toMatchObject({
          code: 'host.sessions',
          hint: expect.stringContaining('MaxSessions'),
        });
        held.end();
        expect(await held.ended).toBe(0);
      });

      it('fails with host, kind and hint if nothing listens, the name is unknown, or there is no response', async () => {
        const silent = await world.listen(createServer(() => undefined));
        const closed = await freePort();
        expect(await world.refusal(closed)).toMatchObject({
          kind: 'unreachable',
          code: 'host.unreachable',
          host: 'web-1',
          message: expect.stringMatching(/refused/i),
        });
        expect(await world.refusal(22, { address: 'no-such-host.invalid' })).toMatchObject({
          kind: 'unreachable',
        });
        expect(await world.refusal(silent, {}, { deadline: 300 })).toMatchObject({
          kind: 'unreachable',
          message: expect.stringContaining('within 0.3 s'),
        });
      });

      it('retries when a busy server closes the connection before the handshake', async () => {
        const server = await world.serve({ drops: 2 });
        expect((await (await world.connected(server.port)).run(echo('a'))).stdout).toBe('a\n');
        expect(server.connections).toBe(3);
        expect(await world.refusal((await world.serve({ drops: 9 })).port)).toMatchObject({
          kind: 'unreachable',
        });
      });

      it('connects to the other hosts if some fail', async () => {
        const server = await world.serve();
        const addresses = [
          world.addressOf(1, { name: 'down' }),
          world.addressOf(server.port, { name: 'up' }),
        ];
        const { connected: hosts, failures } = await world.connect(addresses);
        expect([...hosts.keys()]).toEqual(['up']);
        expect(failures).toMatchObject([{ host: 'down', kind: 'unreachable' }]);
      });
    });

    describe('a connection', () => {
      it('shares one connection to a bastion, with a channel per host', async () => {
        const bastion = await world.serve();
        const servers = [await world.serve(), await world.serve(), await world.serve()];
        const through = world.addressOf(bastion.port, { name: 'bastion' });
        const addresses = servers.map(({ port }, index) =>
          world.addressOf(port, { name: `web-${index}`, bastion: through }),
        );
        const { connected: hosts, failures } = await world.connect(addresses);
        expect(failures).toEqual([]);
        expect(hosts.size).toBe(3);
        for (const host of hosts.values()) expect((await host.run(echo('a'))).stdout).toBe('a\n');
        expect(bastion.connections).toBe(1);
        bastion.cut();
        for (const host of hosts.values())
          await expect(host.run(echo('a'))).rejects.toMatchObject({ kind: 'unreachable' });
      });

      it('fails for each host behind an unreachable bastion', async () => {
        const bastion = world.addressOf(1, { name: 'bastion' });
        const addresses = ['a', 'b'].map((name) => world.addressOf(2, { name, bastion }));
        const { failures } = await world.connect(addresses);
        expect(failures).toMatchObject([
          { host: 'a', message: expect.stringContaining('bastion') },
          { host: 'b', message: expect.stringContaining('bastion') },
        ]);
      });

      it('fails pending and later calls once it is cut', async () => {
        const server = await world.serve();
        const host = await world.connected(server.port);
        const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
        const held = await host.spawn(['cat']);
        const cut = new Promise((resolve) => host.lost.addEventListener('abort', resolve));
        server.cut();
        await cut;
        const message = expect.stringMatching(/^the SSH connection to web-1 broke: \S/);
        await expect(running).rejects.toMatchObject({ code: 'host.lost', host: 'web-1', message });
        expect(await held.ended).toBeUndefined();
        await expect(host.run(echo('a'))).rejects.toMatchObject({ code: 'host.lost' });
        await expect(host.engine.images()).rejects.toMatchObject({ code: 'host.lost' });
      });

      it('detects a frozen peer by missing keepalives', async () => {
        const server = await world.serve();
        const proxy = await TcpProxy.to('127.0.0.1', server.port);
        world.onClose(() => proxy.close());
        const host = await world.connected(proxy.port, { hostKeys: 'accept-new' }, { keepalive: 50 });
        const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
        proxy.freeze();
        await expect(running).rejects.toMatchObject({ kind: 'unreachable', code: 'host.lost' });
      });

      it('closes although the peer is frozen', async () => {
        const server = await world.serve();
        const proxy = await TcpProxy.to('127.0.0.1', server.port);
        world.onClose(() => proxy.close());
        const clock = new MovableClock();
        const host = await world.connected(proxy.port, { hostKeys: 'accept-new' }, { clock });
        proxy.freeze();
        const closed = host.close();
        await clock.advance(2000);
        await closed;
        expect(host.lost.aborted).toBe(true);
      });

      it('reports each call and its order', async () => {
        const calls: RemoteCall[] = [];
        const server = await world.serve();
        const host = await world.connected(server.port, {}, { onCallEnd: (call) => calls.push(call) });
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
        const none = await world.connected(
          (await world.serve({ exec: (_command, channel) => channel.end() })).port,
        );
        await expect(none.run(echo('a'))).rejects.toMatchObject({ kind: 'failed', code: 'host.no-status' });
        const host = await world.connected((await world.serve()).port);
        await expect(host.run({ argv: ['sh', '-c', 'kill -TERM $$'], timeout: 5000 })).rejects.toMatchObject({
          code: 'host.signal',
        });
      });

      it('is terminated on the host at a timeout or when cancelled', async () => {
        const host = await world.connected((await world.serve()).port);
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
        const host = await world.connected((await world.serve({ exec })).port);
        await expect(host.run(echo('a'))).rejects.toMatchObject({
          kind: 'access',
          code: 'host.shell',
          evidence: ['This account is currently not available.'],
        });
      });

      it('exchanges lines if it is spawned', async () => {
        const host = await world.connected((await world.serve()).port);
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
        const port = await world.listen(
          createHttpServer((_, response) => response.setHeader('keep-alive', header).end('x')),
        );
        const host = await world.connected((await world.serve({})).port);
        expect((await host.probe({ port, path: '/', timeout: 5000 })).keepAlive).toBe(keepAlive);
      },
    );

    describe.each([
      ['through the connection', true],
      ['by curl on the host, where forwarding is forbidden', false],
    ])('a probe %s', (_, tcpForwarding) => {
      const probing = async () => world.connected((await world.serve({ tcpForwarding })).port);

      it('returns any status and its body', async () => {
        const port = await world.listen(
          createHttpServer((request, response) => response.writeHead(503).end(`at ${request.url}`)),
        );
        const host = await probing();
        expect(await host.probe({ port, path: '/up?a=b', timeout: 5000 })).toMatchObject({
          status: 503,
          body: 'at /up?a=b',
        });
      });

      it('sends the host and headers that it is given', async () => {
        const port = await world.listen(
          createHttpServer(({ headers }, response) => response.end(`${headers.host} ${headers['x-key']}`)),
        );
        const host = await probing();
        const probe = { port, path: '/', timeout: 5000, host: 'shop.example.com', headers: { 'x-key': 'a' } };
        expect(await host.probe(probe)).toMatchObject({ body: 'shop.example.com a' });
      });

      it('speaks HTTPS, and reports a certificate that is not valid for the name', async () => {
        const port = await world.listen(
          createHttpsServer(selfSigned, ({ headers }, response) => response.end(`hello ${headers.host}`)),
        );
        const host = await probing();
        const probe = { port, path: '/', timeout: 5000, scheme: 'https', host: 'shop.example.com' } as const;
        const unnamed = await host.probe(probe);
        expect([unnamed.body, unnamed.certificateProblem]).toEqual(['hello shop.example.com', undefined]);
        const named = await host.probe({ ...probe, serverName: 'shop.example.com' });
        expect(named).toMatchObject({
          body: 'hello shop.example.com',
          certificateProblem: expect.stringMatching(/self-signed/),
        });
      });

      it('sends the Host and the headers, and returns the target of a redirect', async () => {
        const port = await world.listen(
          createHttpServer(({ headers }, response) =>
            response
              .writeHead(302, { location: 'https://shop.example.com/login' })
              .end(`${headers.host} ${headers['x-forwarded-proto']}`),
          ),
        );
        const host = await probing();
        const request = { port, path: '/', timeout: 5000 };
        expect(await host.probe(request)).toMatchObject({
          ...{ status: 302, location: 'https://shop.example.com/login' },
          body: `localhost:${port} undefined`,
        });
        const headers = { 'X-Forwarded-Proto': 'https' };
        const named = await host.probe({ ...request, host: 'shop.example.com', headers });
        expect(named.body).toBe('shop.example.com https');
      });

      it('speaks TLS with any certificate, and names the server', async () => {
        const port = await world.listen(
          createHttpsServer(selfSigned, ({ socket, headers }, response) =>
            response.end(`${(socket as TLSSocket).servername} ${headers.host}`),
          ),
        );
        const host = await probing();
        const request = { port, path: '/', scheme: 'https' as const, timeout: 5000 };
        expect(await host.probe({ ...request, host: 'shop.example.com' })).toMatchObject({
          ...{ status: 200, body: 'shop.example.com shop.example.com' },
        });
        expect((await host.probe(request)).status).toBe(200);
        const plain = await world.listen(createHttpServer((_, response) => response.end()));
        await expect(host.probe({ ...request, port: plain })).rejects.toMatchObject({ kind: 'unhealthy' });
      });

      it('keeps the first 2 KiB of a long body', async () => {
        const port = await world.listen(
          createHttpServer((_request, response) => response.end('x'.repeat(100_000))),
        );
        const { body } = await (await probing()).probe({ port, path: '/', timeout: 5000 });
        expect(body).toBe('x'.repeat(2048));
      });

      it('is unhealthy without a response, with one that is not HTTP, or if nothing listens', async () => {
        const host = await probing();
        const silent = await world.listen(createServer());
        await expect(host.probe({ port: silent, path: '/', timeout: 200 })).rejects.toMatchObject({
          kind: 'unhealthy',
          code: 'probe.timeout',
        });
        const rude = await world.listen(createServer((socket) => socket.end('go away\n')));
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
        const stays = await world.listen(
          createServer((socket) => socket.on('error', () => undefined).resume()),
        );
        await host.reach(stays, { timeout: 2000 });
        await expect(host.reach(1, { timeout: 2000 })).rejects.toMatchObject({
          kind: 'unhealthy',
          code: 'probe.refused',
        });
        const closes = await world.listen(createServer((socket) => socket.destroy()));
        await expect(host.reach(closes, { timeout: 2000 })).rejects.toMatchObject({ kind: 'unhealthy' });
      });
    });
  });
}

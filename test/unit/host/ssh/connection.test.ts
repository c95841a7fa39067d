import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { keyPair } from '../../../fakes/ssh-server.js';
import { SshWorld } from '../../../fakes/ssh-world.js';
import { connectionContract } from './connection.contract.js';

connectionContract('over ssh2', {});

const world = new SshWorld();

describe('logging in', () => {
  it('fails with the user and the keys it tried', async () => {
    const server = await world.serve({ authorized: [keyPair().public] });
    const failure = await world.refusal(server.port);
    expect(failure).toMatchObject({
      kind: 'access',
      code: 'host.auth',
      hint: expect.stringContaining('ssh-copy-id'),
    });
    expect(failure.message).toContain(`as deploy: tried ${world.home}/key`);
  });

  it('reports that no key was found, or that the configured key is missing', async () => {
    const server = await world.serve();
    expect(await world.refusal(server.port, { key: '~/none' })).toMatchObject({
      code: 'host.key-missing',
      kind: 'access',
    });
    const { key: _, ...unnamed } = world.addressOf(server.port);
    const { failures } = await world.connect([unnamed]);
    expect(failures).toMatchObject([{ code: 'host.auth', hint: expect.stringContaining('ssh-add') }]);
  });

  it('prompts for a passphrase once for all hosts, after all other keys', async () => {
    const locked = keyPair('ed25519', 'secret');
    writeFileSync(join(world.home, 'locked'), locked.private);
    const servers = [
      await world.serve({ authorized: [locked.public] }),
      await world.serve({ authorized: [locked.public] }),
    ];
    const addresses = servers.map(({ port }, index) =>
      world.addressOf(port, { name: `web-${index}`, key: '~/locked' }),
    );
    const asked: string[] = [];
    const askPassphrase = async (path: string) => {
      asked.push(path);
      return 'secret';
    };
    expect((await world.connect(addresses, { askPassphrase })).failures).toEqual([]);
    expect(asked).toEqual([join(world.home, 'locked')]);
    const nobody = await world.connect(addresses);
    expect(nobody.failures).toMatchObject([
      { code: 'host.key-locked', hint: expect.stringContaining('ssh-add'), host: 'web-0' },
      { code: 'host.key-locked', host: 'web-1' },
    ]);
    const wrong = await world.connect(addresses.slice(0, 1), { askPassphrase: async () => 'guess' });
    expect(wrong.failures).toMatchObject([{ message: expect.stringContaining('wrong passphrase') }]);
  });
});

describe('an agent', () => {
  it('logs in with the configured key or any other; a missing agent is ignored', async () => {
    const locked = keyPair('ed25519', 'secret');
    writeFileSync(join(world.home, 'locked'), locked.private);
    writeFileSync(join(world.home, 'locked.pub'), locked.public);
    const socket = join(world.home, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    world.onClose(async () => agent.kill());
    writeFileSync(join(world.home, 'plain'), keyPair().private, { mode: 0o600 });
    writeFileSync(join(world.home, 'open'), world.key.private, { mode: 0o600 });
    while (!existsSync(socket)) await new Promise((resolve) => setImmediate(resolve));
    const add = (file: string, passphrase = '') =>
      execFileSync(
        'sh',
        [
          '-c',
          'SSH_ASKPASS="$0" SSH_ASKPASS_REQUIRE=force ssh-add -q "$1" 2>&1',
          join(world.home, 'ask'),
          file,
        ],
        {
          env: { ...process.env, SSH_AUTH_SOCK: socket, ANSWER: passphrase },
        },
      );
    writeFileSync(join(world.home, 'ask'), '#!/bin/sh\necho "$ANSWER"\n', { mode: 0o755 });
    chmodSync(join(world.home, 'locked'), 0o600);
    for (const file of ['plain', 'open']) add(join(world.home, file));
    add(join(world.home, 'locked'), 'secret');
    const environment = {
      home: world.home,
      user: 'me',
      variables: { PATH: process.env.PATH, SSH_AUTH_SOCK: socket },
    };
    const named = await world.serve({ authorized: [locked.public] });
    await world.connected(named.port, { key: '~/locked' }, { environment });
    expect(named.logins).toHaveLength(1 + 1);
    const any = await world.serve();
    const { key: _, ...unnamed } = world.addressOf(any.port);
    expect((await world.connect([unnamed], { environment })).failures).toEqual([]);
    const gone = { ...environment, variables: { SSH_AUTH_SOCK: join(world.home, 'none') } };
    await world.connected(any.port, {}, { environment: gone });
  });
});

describe('a connection that breaks', () => {
  it('fails calls with the reason that the server gives when it disconnects', async () => {
    const server = await world.serve();
    const host = await world.connected(server.port);
    const running = host.run({ argv: ['sleep', '60'], timeout: 60_000 });
    const images = host.engine.images();
    server.disconnect();
    const message = 'the SSH connection to web-1 broke: PROTOCOL_ERROR';
    await expect(running).rejects.toMatchObject({ code: 'host.lost', message });
    await expect(images).rejects.toMatchObject({ code: 'host.lost', message });
  });
});

describe('the key of a host', () => {
  it('is rejected if unknown, saved with accept-new, and rejected if it changes', async () => {
    const server = await world.serve();
    const fresh = { knownHosts: '~/fresh' };
    expect(await world.refusal(server.port, fresh)).toMatchObject({
      ...{ kind: 'access', code: 'host.key-unknown' },
      hint: expect.stringContaining(`ssh-keyscan -p ${server.port} 127.0.0.1 >> ${world.home}/fresh`),
    });
    await world.connected(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(readFileSync(join(world.home, 'fresh'), 'utf8')).toContain(
      `[127.0.0.1]:${server.port} ssh-ed25519 `,
    );
    await world.connected(server.port, fresh);
    const other = keyPair().public;
    writeFileSync(join(world.home, 'fresh'), `[127.0.0.1]:${server.port} ${other}\n`);
    const failure = await world.refusal(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(failure).toMatchObject({
      ...{ kind: 'access', code: 'host.key-changed' },
      hint: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${world.home}/fresh`),
    });
    expect(failure.message).toContain(`${world.home}/fresh:1`);
  });

  it('counts as changed if it has another type', async () => {
    const server = await world.serve({ hostKeyType: 'ecdsa' });
    writeFileSync(join(world.home, 'fresh'), `[127.0.0.1]:${server.port} ${keyPair().public}\n`);
    expect(await world.refusal(server.port, { knownHosts: '~/fresh' })).toMatchObject({
      code: 'host.key-changed',
    });
  });
});

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { HostAddress } from '../../../../src/domain/environment.js';
import { resolveTarget } from '../../../../src/host/ssh/config.js';
import { Keyring } from '../../../../src/host/ssh/keys.js';
import { needsSystem, systemCanTry } from '../../../../src/host/ssh/system/needs.js';
import { keyPair } from '../../../fakes/ssh-server.js';
import { freePort, SshWorld } from '../../../fakes/ssh-world.js';
import { connectionContract } from './connection.contract.js';

const transport = { transport: 'system' } as const;

connectionContract('over the system ssh', transport);

describe('the system ssh', () => {
  const world = new SshWorld(transport);

  it('carries much data in both directions', async () => {
    const host = await world.connected((await world.serve()).port);
    const stdin = `${'0123456789abcdef'.repeat(400_000)}end`;
    const answers = await Promise.all([1, 2].map(() => host.run({ argv: ['cat'], stdin, timeout: 60_000 })));
    for (const { stdout } of answers) expect(stdout === stdin).toBe(true);
  });

  it('runs out of reach of Ctrl-C, and shows no part of a command in its arguments', async () => {
    const host = await world.connected((await world.serve()).port);
    const { stdout } = await host.run({
      argv: ['ps', '-eo', 'pid=,pgid=,args='],
      env: { SECRET: 'hunter2' },
      timeout: 60_000,
    });
    const masters = stdout.split('\n').filter((line) => line.includes(`IdentityFile="${world.path('key')}"`));
    expect(masters).not.toEqual([]);
    const own = execFileSync('ps', ['-o', 'pgid=', '-p', String(process.pid)], { encoding: 'utf8' }).trim();
    for (const line of masters) expect(line.trim().split(/\s+/)[1]).not.toBe(own);
    expect(stdout).not.toContain('hunter2');
  });

  it('fails for a login that is denied, with the keys that it tried', async () => {
    const server = await world.serve({ authorized: [keyPair().public] });
    expect(await world.refusal(server.port)).toMatchObject({
      ...{ kind: 'access', code: 'host.auth', host: 'web-1' },
      message: expect.stringContaining(`tried ${world.path('key')} ED25519 SHA256:`),
      hint: expect.stringContaining('ssh-copy-id'),
    });
    expect(server.connections).toBe(1);
  });

  it('names a key that is missing or needs a passphrase', async () => {
    const locked = keyPair('ed25519', 'secret');
    writeFileSync(world.path('locked'), locked.private, { mode: 0o600 });
    const server = await world.serve({ authorized: [locked.public] });
    expect(await world.refusal(server.port, { key: '~/none' })).toMatchObject({ code: 'host.key-missing' });
    expect(await world.refusal(server.port, { key: '~/locked' })).toMatchObject({
      ...{ code: 'host.key-locked', hint: `run: ssh-add ${world.path('locked')}` },
    });
  });

  it('rejects an unknown host key, saves it with accept-new, and rejects a changed one', async () => {
    const server = await world.serve();
    const fresh = { knownHosts: '~/fresh' };
    expect(await world.refusal(server.port, fresh)).toMatchObject({
      ...{ kind: 'access', code: 'host.key-unknown' },
      message: expect.stringContaining('SHA256:'),
      hint: expect.stringContaining(`ssh-keyscan -p ${server.port} 127.0.0.1 >> ${world.home}/fresh`),
    });
    await world.connected(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(readFileSync(world.path('fresh'), 'utf8')).toContain(`[127.0.0.1]:${server.port} ssh-ed25519 `);
    writeFileSync(world.path('fresh'), `[127.0.0.1]:${server.port} ${keyPair().public}\n`);
    const failure = await world.refusal(server.port, { ...fresh, hostKeys: 'accept-new' });
    expect(failure).toMatchObject({
      ...{ kind: 'access', code: 'host.key-changed' },
      hint: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${world.home}/fresh`),
    });
    expect(failure.message).toContain(`${world.path('fresh')}:1`);
  });

  it('ignores settings of ~/.ssh/config that weaken it, run or forward something', async () => {
    const server = await world.serve();
    const lines = ['StrictHostKeyChecking no', 'NoHostAuthenticationForLocalhost yes', 'RemoteCommand false'];
    const more = [
      'LogLevel QUIET',
      'RequestTTY force',
      'ForwardAgent yes',
      `LocalForward ${server.port} a:1`,
    ];
    const local = [`LocalCommand touch ${world.path('ran')}`, 'PermitLocalCommand yes', 'ControlPersist 60'];
    writeFileSync(world.path('.ssh/config'), ['Host *', ...lines, ...more, ...local].join('\n'));
    expect(await world.refusal(server.port, { knownHosts: '~/fresh' })).toMatchObject({
      code: 'host.key-unknown',
    });
    const host = await world.connected(server.port);
    expect((await host.run({ argv: ['echo', 'a'], timeout: 60_000 })).stdout).toBe('a\n');
    expect(() => readFileSync(world.path('ran'))).toThrow();
  });

  it('does not forward a port that is open to others', async () => {
    const host = await world.connected((await world.serve({ gatewayPorts: true })).port);
    await expect(host.forwardPort(await freePort(), () => undefined)).rejects.toMatchObject({
      ...{ code: 'lend.forbidden', hint: expect.stringContaining('GatewayPorts no') },
    });
  });
});

describe('the system ssh is needed', () => {
  const world = new SshWorld();

  async function need(config: string, more: Partial<HostAddress> = {}, agent?: string) {
    writeFileSync(world.path('.ssh/config'), config);
    const variables = { PATH: process.env.PATH, SSH_AUTH_SOCK: agent };
    const environment = { home: world.home, user: 'me', variables };
    const target = await resolveTarget(world.addressOf(22, more), environment);
    if (await needsSystem(target, new Keyring(), environment)) return 'required';
    return (await systemCanTry(target, environment)) ? 'fallback' : 'none';
  }

  /** An agent with keys of these types. */
  async function agentWith(...types: readonly string[]): Promise<string> {
    const field = (text: string) => Buffer.concat([uint32(text.length), Buffer.from(text)]);
    const blob = (type: string) => field(field(type).toString('latin1'));
    const keys = types.flatMap((type) => [blob(type), field('comment')]);
    const body = Buffer.concat([Buffer.from([12]), uint32(types.length), ...keys]);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(Buffer.concat([uint32(body.length), body])));
    });
    const path = join(world.home, 'agent');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    world.onClose(() => new Promise((resolve) => server.close(resolve)));
    return path;
  }

  it('where the project asks for it, or a setting or a jump host does', async () => {
    expect(await need('')).toBe('none');
    expect(await need('', { transport: 'system' })).toBe('required');
    for (const line of ['CertificateFile ~/cert', 'PKCS11Provider /lib/p11.so', 'ProxyUseFdpass yes'])
      expect([line, await need(`${line}\n`)]).toEqual([line, 'required']);
    expect(await need('Host 127.0.0.1\n  ProxyJump gate\nHost gate\n  CertificateFile ~/cert\n')).toBe(
      'required',
    );
  });

  it('for a certificate next to the key, and for a security key', async () => {
    writeFileSync(world.path('key-cert.pub'), '');
    expect(await need('')).toBe('required');
    const text = Buffer.from('openssh-key-v1\0…\0sk-ssh-ed25519@openssh.com').toString('base64');
    writeFileSync(
      world.path('sk'),
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${text}\n-----END OPENSSH PRIVATE KEY-----\n`,
    );
    expect(await need('', { key: '~/sk' })).toBe('required');
  });

  it('for an authority of hosts, unless the key of the host is known', async () => {
    const [authority, known] = [keyPair().public, keyPair().public];
    writeFileSync(world.path('known_hosts'), `@cert-authority 127.0.0.* ${authority}\n`);
    expect(await need('')).toBe('required');
    writeFileSync(world.path('known_hosts'), `127.0.0.1 ${known}\n`, { flag: 'a' });
    expect(await need('')).toBe('none');
    writeFileSync(world.path('known_hosts'), `@cert-authority *.example.org ${authority}\n`);
    expect(await need('')).toBe('none');
  });

  it('for an agent with certificates or security keys: at once without another key', async () => {
    const agent = await agentWith('ssh-ed25519-cert-v01@openssh.com', 'sk-ssh-ed25519@openssh.com');
    expect(await need('', {}, agent)).toBe('fallback');
    const { key: _, ...address } = world.addressOf(22);
    writeFileSync(world.path('.ssh/config'), '');
    const environment = { home: world.home, user: 'me', variables: { SSH_AUTH_SOCK: agent } };
    const target = await resolveTarget(address, environment);
    expect(await needsSystem(target, new Keyring(), environment)).toBe(true);
  });
});

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

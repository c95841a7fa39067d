import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HostAddress } from '../../../../src/domain/environment.js';
import { plainSshArguments, sshArguments } from '../../../../src/host/ssh/argv.js';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const base: HostAddress = { name: 'web-1', address: '10.0.0.5', hostKeys: 'known' };

/** Resolves the arguments with `ssh -G`. */
async function settings(address: HostAddress): Promise<string> {
  const variables = { PATH: process.env.PATH };
  const argv = await sshArguments(address, { home, user: 'me', variables });
  return execFileSync('ssh', ['-G', ...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('the arguments of ssh', () => {
  it('set user, port, key, known hosts and strict host key checking', async () => {
    const text = await settings({
      ...{ ...base, user: 'ops', port: 2222, key: '~/my 100% key', knownHosts: '~/known hosts' },
    });
    for (const line of ['user ops', 'port 2222', 'hostname 10.0.0.5', 'stricthostkeychecking true'])
      expect(text.split('\n')).toContain(line);
    expect(text).toMatch(/^identityfile .*my 100%%? key$/m);
    expect(text).toMatch(/^userknownhostsfile .*known hosts"?$/m);
    expect(text).toContain('globalknownhostsfile /dev/null');
    expect(await settings({ ...base, hostKeys: 'accept-new' })).toContain('stricthostkeychecking accept-new');
  });

  it('connect through a bastion with its own user, key and known hosts', async () => {
    const bastion = { name: 'gate', address: 'gate.example.org', user: 'jump', key: "~/it's a key" };
    const text = await settings({ ...base, bastion: { ...bastion, hostKeys: 'accept-new' } });
    const [, command = ''] = /^proxycommand (.*)$/m.exec(text) ?? [];
    const through = command.replaceAll('%%', '%').replace("'[%h]:%p'", 'TARGET');
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${through}`], { encoding: 'utf8' }).split('\n');
    expect(words.slice(0, 3)).toEqual([expect.stringMatching(/ssh$/), '-W', 'TARGET']);
    expect(words).toEqual(
      expect.arrayContaining(['jump', 'StrictHostKeyChecking=accept-new', 'gate.example.org']),
    );
    expect(words).toContainEqual(expect.stringMatching(/^IdentityFile=".*\/it's a key"$/));
  });
});

describe('the short arguments of ssh', () => {
  it('are user and address without other settings', () => {
    expect(plainSshArguments({ ...base, user: 'deploy' })).toEqual(['deploy@10.0.0.5']);
    expect(plainSshArguments({ ...base, port: 2222 })).toEqual(['-p', '2222', '10.0.0.5']);
    const bastion = { ...base, user: 'ops', address: 'gate.example.org', port: 2222 };
    expect(plainSshArguments({ ...base, bastion })).toEqual(['-J', 'ops@gate.example.org:2222', '10.0.0.5']);
    const six = { ...base, address: '2001:db8::1', user: 'ops' };
    expect(plainSshArguments({ ...six, bastion: six })).toEqual([
      '-J',
      'ops@[2001:db8::1]',
      'ops@2001:db8::1',
    ]);
  });

  it('quote the paths of a key and known hosts', () => {
    const own = { ...base, key: '/keys/deploy', knownHosts: '/keys/known_hosts' };
    expect(plainSshArguments(own)).toEqual([
      '-i',
      '/keys/deploy',
      '-o',
      'UserKnownHostsFile=/keys/known_hosts',
      '10.0.0.5',
    ]);
    expect(plainSshArguments({ ...base, knownHosts: '/known hosts' })).toContain(
      'UserKnownHostsFile="/known hosts"',
    );
    const text = plainSettings({
      ...base,
      key: '/my 100% key',
      knownHosts: '/known hosts',
      hostKeys: 'accept-new',
    });
    expect(text).toMatch(/^identityfile .*my 100%%? key$/m);
    expect(text).toMatch(/^userknownhostsfile .*known hosts"?$/m);
    expect(text).toContain('stricthostkeychecking accept-new');
  });

  it('use a ProxyCommand for a bastion with its own key', () => {
    const bastion = { ...base, address: 'gate.example.org', user: 'jump', port: 2222, key: "/it's a key" };
    const [, command = ''] = /^proxycommand (.*)$/m.exec(plainSettings({ ...base, bastion })) ?? [];
    const through = command.replaceAll('%%', '%').replace("'[%h]:%p'", 'TARGET');
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${through}`], { encoding: 'utf8' })
      .trimEnd()
      .split('\n');
    expect(words).toEqual([
      expect.stringMatching(/ssh$/),
      '-W',
      'TARGET',
      '-p',
      '2222',
      '-o',
      `IdentityFile="/it's a key"`,
      'jump@gate.example.org',
    ]);
  });
});

const plainSettings = (address: HostAddress) =>
  execFileSync('ssh', ['-F', '/dev/null', '-G', ...plainSshArguments(address)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

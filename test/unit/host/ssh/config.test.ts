import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HostAddress } from '../../../../src/domain/environment.js';
import { resolveTarget } from '../../../../src/host/ssh/config.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
  mkdirSync(join(home, '.ssh'));
});
afterEach(() => rmSync(home, { recursive: true }));

const configure = (text: string) => writeFileSync(join(home, '.ssh', 'config'), text);
const resolve = (more: Partial<HostAddress> = {}, variables: Record<string, string> = {}) =>
  resolveTarget(
    { name: 'web-1', address: 'web', hostKeys: 'known', ...more },
    { home, user: 'me', variables: { PATH: process.env.PATH, ...variables } },
  );

describe('the connection settings of a host', () => {
  it('come from ~/.ssh/config, including Include and Match', async () => {
    writeFileSync(join(home, '.ssh', 'more'), 'Host web\n  Port 2222\n');
    configure(`Include ${home}/.ssh/more
Match host web
  HostName 10.0.0.7
  User deploy
  IdentityFile ~/.ssh/deploy_key
  IdentityFile %d/.ssh/other-%r
  IdentitiesOnly yes
  UserKnownHostsFile ~/.ssh/hosts_a ~/.ssh/hosts_b
  HostKeyAlias web-alias
`);
    const target = await resolve();
    expect(target).toMatchObject({
      name: 'web-1',
      address: '10.0.0.7',
      port: 2222,
      user: 'deploy',
      onlyTheseKeys: true,
      keyAlias: 'web-alias',
      keys: [
        { path: `${home}/.ssh/deploy_key`, required: false },
        { path: `${home}/.ssh/other-deploy`, required: false },
      ],
    });
    expect(target.knownHosts.slice(0, 2)).toEqual([`${home}/.ssh/hosts_a`, `${home}/.ssh/hosts_b`]);
    expect(target.jump).toBeUndefined();
  });

  it('come from the project first', async () => {
    configure('Host *\n  User someone\n  Port 2222\n  IdentityFile ~/.ssh/theirs\n');
    expect(await resolve({ user: 'deploy', port: 22, key: '~/mine', knownHosts: '~/known' })).toMatchObject({
      user: 'deploy',
      port: 22,
      keys: [{ path: `${home}/mine`, required: true }],
      knownHosts: [`${home}/known`],
    });
  });

  it('default to those of ssh without a configuration or without ssh', async () => {
    for (const PATH of [process.env.PATH ?? '', join(home, 'nothing')]) {
      const target = await resolve({ user: 'me' }, { PATH });
      expect(target).toMatchObject({ address: 'web', port: 22, user: 'me', onlyTheseKeys: false });
      expect(target.keys.map(({ path }) => path)).toContain(`${home}/.ssh/id_ed25519`);
      expect(target.knownHosts[0]).toMatch(/\.ssh\/known_hosts$/);
    }
  });

  it('include jump hosts, each with its own settings', async () => {
    configure(`Host web
  ProxyJump ana@edge:2200,inner
Host edge
  HostName edge.example.org
Host inner
  User operator
`);
    const target = await resolve({ user: 'deploy' });
    expect(target.jump).toMatchObject({ name: 'inner', user: 'operator', port: 22 });
    expect(target.jump?.jump).toMatchObject({ address: 'edge.example.org', user: 'ana', port: 2200 });
    expect(target.jump?.jump?.jump).toBeUndefined();
    const direct = await resolve({
      bastion: { name: 'b', address: 'bastion', user: 'b', hostKeys: 'known' },
    });
    expect(direct.jump).toMatchObject({ name: 'b', address: 'bastion' });
    expect(direct.jump?.jump).toBeUndefined();
  });

  it('fail for a cycle of jump hosts or an unreadable configuration', async () => {
    configure('Host web\n  ProxyJump other\nHost other\n  ProxyJump web\n');
    await expect(resolve()).rejects.toMatchObject({ kind: 'usage', code: 'ssh.jumps' });
    configure('NoSuchOption yes\n');
    await expect(resolve()).rejects.toMatchObject({
      kind: 'usage',
      code: 'ssh.config',
      message: expect.stringMatching(/NoSuchOption/i),
    });
  });

  it('select the agent of the environment, another one, or none', async () => {
    const variables = { SSH_AUTH_SOCK: '/run/agent', OTHER: '/run/other' };
    expect((await resolve({}, variables)).agent).toBe('/run/agent');
    configure('IdentityAgent $OTHER\n');
    expect((await resolve({}, variables)).agent).toBe('/run/other');
    configure('IdentityAgent ~/agent.sock\n');
    expect((await resolve({}, variables)).agent).toBe(`${home}/agent.sock`);
    configure('IdentityAgent none\n');
    expect((await resolve({}, variables)).agent).toBeUndefined();
  });
});

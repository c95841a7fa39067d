import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { expectSettled } from './expect-settled.js';
import { openSandbox, type Sandbox, slow, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('reach');
});
afterEach(async () => {
  for (const machine of [2, 3]) await sandbox.inside(machine, 'iptables', '-F', 'INPUT');
  await sandbox.clean();
});
afterAll(() => sandbox.down());

const addressOf = (name: string) => sandbox.environment.hosts[name]?.address ?? '';

/** Makes the second and third machine refuse SSH connections except from the first. */
async function blockDirectSsh(): Promise<void> {
  const rule = ['-p', 'tcp', '--dport', '22', '!', '-s', addressOf('sandbox-1')];
  for (const machine of [2, 3])
    await sandbox.inside(
      machine,
      'iptables',
      '-A',
      'INPUT',
      ...rule,
      '-j',
      'REJECT',
      '--reject-with',
      'tcp-reset',
    );
}

const behindBastion = [2, 3];

test('hosts that accept only the bastion are deployed and rolled back through it', async () => {
  const project = await sandbox.newProject();
  const bastion = { address: addressOf('sandbox-1'), user: 'ops' };
  const environments = {
    direct: sandbox.environmentOf(behindBastion),
    through: sandbox.environmentOf(behindBastion, { bastion }),
  };
  await project.write({ web: {} }, { environments });
  await blockDirectSsh();
  const direct = await project.run('deploy', '--env', 'direct');
  expect(direct.code).toBe(5);
  expect(await project.served()).toEqual([[], [], []]);
  await succeeds(project.start('deploy', '--env', 'through'));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--env', 'through'));
  expect(await project.served()).toEqual([[], ['v2'], ['v2']]);
  await succeeds(project.start('rollback', '--env', 'through'));
  expect(await project.served()).toEqual([[], ['v1'], ['v1']]);
});

test('the hint for an unknown host key behind a bastion adds it to the configured file', async () => {
  const project = await sandbox.newProject();
  const gate = addressOf('sandbox-1');
  const known = await readFile(sandbox.knownHosts, 'utf8');
  const file = join(project.folder, 'known hosts');
  await writeFile(
    file,
    known
      .split('\n')
      .filter((line) => line.startsWith(`${gate},`))
      .join('\n')
      .concat('\n'),
  );
  const ssh = { bastion: { address: gate, user: 'ops' }, known_hosts: file };
  await project.write({ web: {} }, { environments: { through: sandbox.environmentOf([2], ssh) } });
  await blockDirectSsh();
  const { code, stdout } = await project.run('doctor', '--env', 'through', '--plain');
  expect(code).toBe(4);
  const command = /accept it: `(.*?)`, or set/.exec(stdout)?.[1] ?? '';
  // Without a terminal to answer on.
  await promisify(execFile)('sh', [
    '-c',
    command.replace('StrictHostKeyChecking=ask', 'StrictHostKeyChecking=accept-new'),
  ]);
  // Debian's ssh hashes the name.
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
  await succeeds(project.start('deploy', '--env', 'through'));
});

test('a bastion that refuses the login is named, and nothing changes', async () => {
  const project = await sandbox.newProject();
  const bastion = { address: addressOf('sandbox-1'), user: 'nobody-here' };
  await project.write(
    { web: {} },
    { environments: { through: sandbox.environmentOf(behindBastion, { bastion }) } },
  );
  const { code, stderr } = await project.run('deploy', '--env', 'through');
  expect(code).toBe(4);
  expect(stderr).toContain(addressOf('sandbox-1'));
  expect(stderr).toContain('nobody-here');
  expect(await project.served()).toEqual([[], [], []]);
});

test('host names, users, keys and ProxyJump of ~/.ssh/config are used', async () => {
  const HOME = await mkdtemp(join(tmpdir(), 'oneclick-home-'));
  const { key, known_hosts } = sandbox.environment.ssh;
  const alias = (name: string, machine: string, lines: readonly string[]) =>
    [`Host ${name}`, `  HostName ${addressOf(machine)}`, `  IdentityFile ${key}`, ...lines].join('\n');
  const config = [
    alias('gate', 'sandbox-1', ['  User ops']),
    alias('two', 'sandbox-2', ['  User deploy', '  ProxyJump gate']),
    alias('three', 'sandbox-3', ['  User root', '  ProxyJump gate']),
    `Host *\n  UserKnownHostsFile ${known_hosts}\n`,
  ].join('\n');
  await mkdir(join(HOME, '.ssh'), { mode: 0o700 });
  await writeFile(join(HOME, '.ssh/config'), config, { mode: 0o600 });
  try {
    const project = await sandbox.newProject({ HOME });
    await project.write({ web: {} }, { environments: { production: { hosts: ['two', 'three'] } } });
    await blockDirectSsh();
    await succeeds(project.start('deploy', '--env', 'production'));
    expect(await project.served()).toEqual([[], ['v1'], ['v1']]);
  } finally {
    await rm(HOME, { recursive: true, force: true });
  }
});

/** An environment of the first machine with this login user. */
const loginAs = (user: string) => ({ environments: { production: sandbox.environmentOf([1], { user }) } });
const onProduction = ['--env', 'production'];

test.each(['root', 'deploy', 'ops'])('%s deploys and rolls back', async (user) => {
  const project = await sandbox.newProject();
  await project.write({ web: {} }, loginAs(user));
  await succeeds(project.start('deploy', ...onProduction));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', ...onProduction));
  await expectSettled(sandbox, project, ['v2']);
  await succeeds(project.start('rollback', ...onProduction));
  await expectSettled(sandbox, project, ['v1']);
});

test('a user who may only run sudo docker can deploy and roll back; without it the deploy is refused', async () => {
  const authorized = await sandbox.inside(1, 'cat', '/home/deploy/.ssh/authorized_keys');
  const createUser = `
    useradd --create-home --shell /bin/sh --password '*' keeper
    install -d -m 700 -o keeper -g keeper /home/keeper/.ssh
    echo '${authorized}' >/home/keeper/.ssh/authorized_keys
    chown keeper:keeper /home/keeper/.ssh/authorized_keys`;
  const allow = `echo 'keeper ALL=(root) NOPASSWD: /usr/bin/docker' >/etc/sudoers.d/keeper; chmod 440 /etc/sudoers.d/keeper`;
  const shell = (script: string) => sandbox.inside(1, 'sh', '-c', script);
  await shell(createUser);
  try {
    const project = await sandbox.newProject();
    await project.write({ web: {} }, loginAs('keeper'));
    const refused = await project.run('deploy', ...onProduction);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('keeper has no permission to use Docker');
    await shell(allow);
    await succeeds(project.start('deploy', ...onProduction));
    await succeeds(project.start('deploy', 'web', '--tag', 'v2', ...onProduction));
    await succeeds(project.start('rollback', ...onProduction));
    await expectSettled(sandbox, project, ['v1']);
  } finally {
    await shell('rm -f /etc/sudoers.d/keeper; userdel -r keeper 2>/dev/null || true');
  }
});

test("two users of one host respect each other's lease and can roll back each other's releases", async () => {
  const project = await sandbox.newProject();
  await project.write({ web: slow(3) }, loginAs('root'));
  await succeeds(project.start('deploy', ...onProduction));
  for (const [holder, other, tag] of [
    ['root', 'deploy', 'v2'],
    ['deploy', 'root', 'v3'],
  ] as const) {
    await project.write({ web: slow(3) }, loginAs(holder));
    const first = project.start('deploy', 'web', '--tag', tag, '--batch', 'all', ...onProduction);
    await waitFor(async () => (await project.serving(1)).includes(tag));
    await project.write({ web: slow(3) }, loginAs(other));
    const second = await project.run('deploy', 'web', '--tag', 'v1', ...onProduction);
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(/\S+@\S+ has been deploying web for \d+ s \(run [0-9a-f]{6}\)/);
    await succeeds(first);
    await expectSettled(sandbox, project, [tag]);
  }
  await succeeds(project.start('rollback', ...onProduction));
  await expectSettled(sandbox, project, ['v2']);
});

test("another user's lease can be taken only by a user with root access", async () => {
  const project = await sandbox.newProject();
  await project.write({ web: slow(8) }, loginAs('root'));
  await succeeds(project.start('deploy', ...onProduction));
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all', ...onProduction);
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  await project.write({ web: slow(8) }, loginAs('deploy'));
  const refused = await project.run('lease', 'take', '--yes', ...onProduction);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(/cannot end the lease on .*another user owns the holder/);
  expect(running.child.exitCode).toBeNull();
  await project.write({ web: slow(8) }, loginAs('ops'));
  await succeeds(project.start('lease', 'take', '--yes', ...onProduction));
  expect((await running.result).code).not.toBe(0);
  await succeeds(project.start('deploy', 'web', '--tag', 'v3', '--wait', ...onProduction));
  await expectSettled(sandbox, project, ['v3']);
});

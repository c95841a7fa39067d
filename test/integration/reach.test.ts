import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { expectSettled } from './expect-settled.js';
import { finished, type Machines, machines, slow, waitFor } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('reach');
});
afterEach(async () => {
  for (const machine of [2, 3]) await field.inside(machine, 'iptables', '-F', 'INPUT');
  await field.clean();
});
afterAll(() => field.down());

const addressOf = (name: string) => field.environment.hosts[name]?.address ?? '';

/** From now on the second and the third machine refuse every SSH connection that does not come from the first. */
async function onlyFromTheFirst(): Promise<void> {
  const rule = ['-p', 'tcp', '--dport', '22', '!', '-s', addressOf('sandbox-1')];
  for (const machine of [2, 3])
    await field.inside(
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

const inner = [2, 3];

test('hosts that let only the bastion in are deployed to and rolled back through it', async () => {
  const project = await field.project();
  const bastion = { address: addressOf('sandbox-1'), user: 'ops' };
  const environments = { direct: field.some(inner), through: field.some(inner, { bastion }) };
  await project.write({ web: {} }, { environments });
  await onlyFromTheFirst();
  const direct = await project.run('deploy', '--env', 'direct');
  expect(direct.code).toBe(5);
  expect(await project.served()).toEqual([[], [], []]);
  await finished(project.start('deploy', '--env', 'through'));
  await finished(project.start('deploy', 'web', '--tag', 'v2', '--env', 'through'));
  expect(await project.served()).toEqual([[], ['v2'], ['v2']]);
  await finished(project.start('rollback', '--env', 'through'));
  expect(await project.served()).toEqual([[], ['v1'], ['v1']]);
});

test('a bastion that lets nobody in is named, and nothing is changed', async () => {
  const project = await field.project();
  const bastion = { address: addressOf('sandbox-1'), user: 'nobody-here' };
  await project.write({ web: {} }, { environments: { through: field.some(inner, { bastion }) } });
  const { code, stderr } = await project.run('deploy', '--env', 'through');
  expect(code).toBe(4);
  expect(stderr).toContain(addressOf('sandbox-1'));
  expect(stderr).toContain('nobody-here');
  expect(await project.served()).toEqual([[], [], []]);
});

test('names, users, keys and the ProxyJump of ~/.ssh/config hold as they do for ssh', async () => {
  const HOME = await mkdtemp(join(tmpdir(), 'oneclick-home-'));
  const { key, known_hosts } = field.environment.ssh;
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
    const project = await field.project({ HOME });
    await project.write({ web: {} }, { environments: { production: { hosts: ['two', 'three'] } } });
    await onlyFromTheFirst();
    await finished(project.start('deploy', '--env', 'production'));
    expect(await project.served()).toEqual([[], ['v1'], ['v1']]);
  } finally {
    await rm(HOME, { recursive: true, force: true });
  }
});

/** The first machine, as somebody else logs in. */
const as = (user: string) => ({ environments: { production: field.some([1], { user }) } });
const here = ['--env', 'production'];

test.each(['root', 'deploy', 'ops'])('%s deploys and rolls back', async (user) => {
  const project = await field.project();
  await project.write({ web: {} }, as(user));
  await finished(project.start('deploy', ...here));
  await finished(project.start('deploy', 'web', '--tag', 'v2', ...here));
  await expectSettled(field, project, ['v2']);
  await finished(project.start('rollback', ...here));
  await expectSettled(field, project, ['v1']);
});

test('a user who may do nothing but sudo docker deploys and rolls back; one who may not even that is refused', async () => {
  const authorized = await field.inside(1, 'cat', '/home/deploy/.ssh/authorized_keys');
  const makeUser = `
    useradd --create-home --shell /bin/sh --password '*' keeper
    install -d -m 700 -o keeper -g keeper /home/keeper/.ssh
    echo '${authorized}' >/home/keeper/.ssh/authorized_keys
    chown keeper:keeper /home/keeper/.ssh/authorized_keys`;
  const allow = `echo 'keeper ALL=(root) NOPASSWD: /usr/bin/docker' >/etc/sudoers.d/keeper; chmod 440 /etc/sudoers.d/keeper`;
  const shell = (script: string) => field.inside(1, 'sh', '-c', script);
  await shell(makeUser);
  try {
    const project = await field.project();
    await project.write({ web: {} }, as('keeper'));
    const refused = await project.run('deploy', ...here);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('keeper has no permission to use Docker');
    await shell(allow);
    await finished(project.start('deploy', ...here));
    await finished(project.start('deploy', 'web', '--tag', 'v2', ...here));
    await finished(project.start('rollback', ...here));
    await expectSettled(field, project, ['v1']);
  } finally {
    await shell('rm -f /etc/sudoers.d/keeper; userdel -r keeper 2>/dev/null || true');
  }
});

test('two users of one host see and respect the lease of each other, and go on where the other stopped', async () => {
  const project = await field.project();
  await project.write({ web: slow(3) }, as('root'));
  await finished(project.start('deploy', ...here));
  for (const [holder, other, tag] of [
    ['root', 'deploy', 'v2'],
    ['deploy', 'root', 'v3'],
  ] as const) {
    await project.write({ web: slow(3) }, as(holder));
    const first = project.start('deploy', 'web', '--tag', tag, '--batch', 'all', ...here);
    await waitFor(async () => (await project.serving(1)).includes(tag));
    await project.write({ web: slow(3) }, as(other));
    const second = await project.run('deploy', 'web', '--tag', 'v1', ...here);
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(/\S+@\S+ has been deploying web for \d+ s \(run [0-9a-f]{6}\)/);
    await finished(first);
    await expectSettled(field, project, [tag]);
  }
  await finished(project.start('rollback', ...here));
  await expectSettled(field, project, ['v2']);
});

test("another user's run is ended by who may become root there, and by nobody else", async () => {
  const project = await field.project();
  await project.write({ web: slow(8) }, as('root'));
  await finished(project.start('deploy', ...here));
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all', ...here);
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  await project.write({ web: slow(8) }, as('deploy'));
  const refused = await project.run('lease', 'take', '--yes', ...here);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain('another user owns the holder');
  expect(running.child.exitCode).toBeNull();
  await project.write({ web: slow(8) }, as('ops'));
  await finished(project.start('lease', 'take', '--yes', ...here));
  expect((await running.answer).code).not.toBe(0);
  await finished(project.start('deploy', 'web', '--tag', 'v3', '--wait', ...here));
  await expectSettled(field, project, ['v3']);
});

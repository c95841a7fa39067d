import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(900_000);

let sandbox: Sandbox;
let project: Project;

beforeAll(async () => {
  sandbox = await openSandbox('bootstrap', 2);
  project = await sandbox.newProject();
  const environments = {
    bare: sandbox.environmentOf([1, 2], { user: 'ops' }),
    plain: sandbox.environmentOf([1], { user: 'deploy' }),
  };
  await project.write({ web: {} }, { environments });
});
afterAll(() => sandbox.down());

/** Uninstalls Docker from a machine. The machine starts an engine again once one is installed. */
async function removeDocker(machine: number): Promise<void> {
  const purge = `engine stop
rm -rf /var/lib/docker/* /run/docker* /run/containerd
DEBIAN_FRONTEND=noninteractive apt-get purge -y --autoremove docker.io containerd runc
getent group docker || groupadd --system docker
gpasswd -d ops docker || true
rm /run/stopped/engine`;
  await sandbox.inside(machine, 'sh', '-c', purge);
}

test('Docker is installed on a bare Debian for the login user, and a second bootstrap changes nothing', async () => {
  await removeDocker(1);
  const lines = [
    'apt-get update',
    'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=30 install -y docker.io',
    'service docker start',
    'usermod -aG docker ops',
  ];
  const doctor = await project.run('doctor', '--env', 'bare');
  expect(doctor).toMatchObject({
    ...{ code: 5, stdout: expect.stringContaining('oneclick host bootstrap sandbox-1') },
  });

  const refused = await project.run('host', 'bootstrap', '--env', 'plain');
  expect(refused).toMatchObject({ code: 4, stdout: expect.stringContaining('apt-get update') });
  const unconfirmed = await project.run('host', 'bootstrap', '--env', 'bare');
  expect(unconfirmed).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
  const dry = await succeeds(
    project.start('host', 'bootstrap', 'sandbox-1', '--env', 'bare', '--dry-run', '--json'),
  );
  const waits = [
    'wait up to 10 min for cloud-init to finish',
    'wait up to 10 min for the locks of apt and dpkg',
  ];
  const planned = {
    ...{ host: 'sandbox-1', state: 'planned', docker: null, waits, lines, problem: null, hint: null },
  };
  expect(JSON.parse(dry.stdout)).toMatchObject({ environment: 'bare', hosts: [planned] });
  expect(await sandbox.inside(1, 'sh', '-c', 'command -v dockerd || echo none')).toBe('none');

  const done = await succeeds(project.start('host', 'bootstrap', '--env', 'bare', '--yes'));
  expect(done.stdout).toMatch(/^sandbox-1 +bootstrapped +Docker \d+\.\d+\S* is running$/m);
  expect(done.stdout).toMatch(/^sandbox-2 +ready +nothing to do: Docker \d+\.\d+\S* is running$/m);
  for (const line of lines) expect(done.stderr).toContain(`sandbox-1: running ${line}`);
  expect(await sandbox.inside(1, 'su', 'ops', '-c', 'docker info --format {{.Containers}}')).toBe('0');

  const again = await succeeds(project.start('host', 'bootstrap', '--env', 'bare'));
  expect(again.stdout).toMatch(/^sandbox-1 +ready +nothing to do/m);
  await succeeds(project.start('deploy', '--env', 'bare', '--batch', 'all'));
  expect(await project.served()).toEqual([['v1'], ['v1']]);
});

test('a failure on one host does not stop the bootstrap of the others', async () => {
  await removeDocker(1);
  await removeDocker(2);
  await sandbox.inside(2, 'sh', '-c', 'mv /etc/apt/sources.list /etc/apt/away; rm -rf /var/lib/apt/lists/*');
  const partial = await project.run('host', 'bootstrap', '--env', 'bare', '--yes', '--json');
  expect(partial.code).toBe(1);
  const document = partial.stdout.slice(partial.stdout.indexOf('{\n'));
  expect(JSON.parse(document)).toMatchObject({
    hosts: [
      { host: 'sandbox-1', state: 'bootstrapped', problem: null },
      { host: 'sandbox-2', state: 'failed', problem: expect.stringContaining('exit code 100') },
    ],
  });
  await sandbox.inside(2, 'mv', '/etc/apt/away', '/etc/apt/sources.list');
  await succeeds(project.start('host', 'bootstrap', 'sandbox-2', '--env', 'bare', '--yes'));
});

test('a bootstrap waits for a process that holds a lock of apt, and names it', async () => {
  await removeDocker(1);
  // Holds the lock as apt-daily does on a new machine.
  const hold =
    'use Fcntl; open(F, "+>", shift); my $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; sleep 12';
  const lock = '/var/lib/apt/lists/lock';
  await sandbox.inside(1, 'sh', '-c', `setsid perl -e '${hold}' ${lock} </dev/null >/dev/null 2>&1 &`);
  const done = await succeeds(project.start('host', 'bootstrap', 'sandbox-1', '--env', 'bare', '--yes'));
  const waiting =
    /sandbox-1: waiting for apt: perl \(PID \d+\) holds \S+\/lists\/lock \(timeout \d\d:\d\d:\d\d\)/;
  expect(done.stderr).toMatch(waiting);
  expect(done.stdout).toMatch(/^sandbox-1 +bootstrapped/m);
});

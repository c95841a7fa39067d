import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project } from './harness.js';

jest.setTimeout(900_000);

let field: Machines;
let project: Project;

beforeAll(async () => {
  field = await machines('bootstrap', 2);
  project = await field.project();
  const environments = {
    bare: field.some([1, 2], { user: 'ops' }),
    plain: field.some([1], { user: 'deploy' }),
  };
  await project.write({ web: {} }, { environments });
});
afterAll(() => field.down());

/** Takes Docker from a machine, as if it had never been there; the machine starts an engine by itself once there is one. */
async function strip(machine: number): Promise<void> {
  const purge = `engine stop
rm -rf /var/lib/docker/* /run/docker* /run/containerd
DEBIAN_FRONTEND=noninteractive apt-get purge -y --autoremove docker.io containerd runc
getent group docker || groupadd --system docker
gpasswd -d ops docker || true
rm /run/stopped/engine`;
  await field.inside(machine, 'sh', '-c', purge);
}

test('a bare Debian gets an engine that the login user reaches, and the second time there is nothing to do', async () => {
  await strip(1);
  const lines = [
    'apt-get update',
    'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y docker.io',
    'service docker start',
    'usermod -aG docker ops',
  ];
  const doctor = await project.run('doctor', '--env', 'bare');
  expect(doctor).toMatchObject({
    ...{ code: 5, stdout: expect.stringContaining('oneclick host bootstrap sandbox-1') },
  });

  const refused = await project.run('host', 'bootstrap', '--env', 'plain');
  expect(refused).toMatchObject({ code: 4, stdout: expect.stringContaining('apt-get update') });
  const unasked = await project.run('host', 'bootstrap', '--env', 'bare');
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
  const dry = await finished(
    project.start('host', 'bootstrap', 'sandbox-1', '--env', 'bare', '--dry-run', '--json'),
  );
  const planned = { host: 'sandbox-1', state: 'planned', docker: null, lines, problem: null, hint: null };
  expect(JSON.parse(dry.stdout)).toMatchObject({ environment: 'bare', hosts: [planned] });
  expect(await field.inside(1, 'sh', '-c', 'command -v dockerd || echo none')).toBe('none');

  const done = await finished(project.start('host', 'bootstrap', '--env', 'bare', '--yes'));
  expect(done.stdout).toMatch(/^sandbox-1 +bootstrapped +Docker \d+\.\d+\S* is running$/m);
  expect(done.stdout).toMatch(/^sandbox-2 +ready +nothing to do: Docker \d+\.\d+\S* is running$/m);
  for (const line of lines) expect(done.stderr).toContain(`sandbox-1: running ${line}`);
  expect(await field.inside(1, 'su', 'ops', '-c', 'docker info --format {{.Containers}}')).toBe('0');

  const again = await finished(project.start('host', 'bootstrap', '--env', 'bare'));
  expect(again.stdout).toMatch(/^sandbox-1 +ready +nothing to do/m);
  await finished(project.start('deploy', '--env', 'bare', '--batch', 'all'));
  expect(await project.served()).toEqual([['v1'], ['v1']]);
});

test('a host where it fails does not stop the others', async () => {
  await strip(1);
  await strip(2);
  await field.inside(2, 'sh', '-c', 'mv /etc/apt/sources.list /etc/apt/away; rm -rf /var/lib/apt/lists/*');
  const half = await project.run('host', 'bootstrap', '--env', 'bare', '--yes', '--json');
  expect(half.code).toBe(1);
  const document = half.stdout.slice(half.stdout.indexOf('{\n'));
  expect(JSON.parse(document)).toMatchObject({
    hosts: [
      { host: 'sandbox-1', state: 'bootstrapped', problem: null },
      { host: 'sandbox-2', state: 'failed', problem: expect.stringContaining('exit code 100') },
    ],
  });
  await field.inside(2, 'mv', '/etc/apt/away', '/etc/apt/sources.list');
  await finished(project.start('host', 'bootstrap', 'sandbox-2', '--env', 'bare', '--yes'));
});

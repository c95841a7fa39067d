import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { transferRegistry } from '../../src/domain/transfer-registry.js';
import { machines, type Project, type Sandbox, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const both = [1, 2];
let sandbox: Sandbox;
/** The folder for temporary files of a deploy. */
let temporary: string;

beforeAll(async () => {
  sandbox = await machines('push-over-ssh', 2);
});
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'temporary-'));
});
afterEach(async () => {
  await sandbox.clean();
  await rm(temporary, { recursive: true });
});
afterAll(async () => {
  const { stdout } = await exec('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const images = stdout.split('\n').filter((name) => /^127\.0\.0\.1:2\d{4}\/pushed:/.test(name));
  if (images.length > 0) await exec('docker', ['rmi', '--force', ...images]);
  await sandbox.down();
});

const deploy = ['deploy', '--build', '--push-over-ssh'];
const web = { image: 'pushed', build: '.' };

/** A project without a registry. */
async function createProject(keys: object = {}, rest: object = {}): Promise<Project> {
  const project = await sandbox.newProject({ TMPDIR: temporary });
  await project.write({ web: { ...web, ...keys } }, rest);
  await exec('git', ['-C', project.folder, 'init', '--quiet']);
  return project;
}

/** Writes and commits a Dockerfile and a page; returns the commit. */
async function commitVersion({ folder }: Project, page: string, ...more: readonly string[]): Promise<string> {
  const lines = [`FROM ${sandbox.image('v1')}`, 'COPY page /page', `ENV VERSION=${page}`, ...more, ''];
  await writeFile(join(folder, 'page'), page.repeat(10_000));
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
  const git = (...words: readonly string[]) =>
    exec('git', ['-C', folder, '-c', 'user.name=me', '-c', 'user.email=me@here', ...words]);
  await git('add', '--all');
  await git('commit', '--quiet', '--message', page);
  return (await git('rev-parse', '--short=12', 'HEAD')).stdout.trim();
}

const registryOf = ({ name }: Project, environment = `sandbox-${sandbox.name}`) =>
  transferRegistry({ project: name, environment });
const page = (project: Project, machine: number) =>
  sandbox.inside(machine, 'curl', '-s', `http://127.0.0.1:${project.port}/`);

/** Whether the forwarded port accepts connections on a machine. */
async function listens(project: Project, machine: number): Promise<boolean> {
  const hex = registryOf(project).port.toString(16).toUpperCase();
  const lines = await sandbox.inside(machine, 'cat', '/proc/net/tcp', '/proc/net/tcp6');
  return new RegExp(`:${hex} 0+:0000 0A`).test(lines);
}

async function expectNothingLeft(project: Project): Promise<void> {
  expect(await readdir(temporary)).toEqual([]);
  for (const machine of both) await waitFor(async () => !(await listens(project, machine)), 15_000);
}

test('an image is sent to each host, then only changed layers, and rolled back without a registry', async () => {
  const project = await createProject();
  const { name } = registryOf(project);
  const first = await commitVersion(project, 'one');
  const deployed = await succeeds(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${first}`]));
  expect(deployed.stdout + deployed.stderr).toMatch(/sent (?:6|8|10) layers over SSH \([34]\.\d MB\)/);
  await expectNothingLeft(project);

  const second = await commitVersion(project, 'two');
  const again = await succeeds(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${second}`]));
  for (const machine of both) expect(await page(project, machine)).toContain('two');
  // The layer with the page and the image configuration, for two hosts.
  expect(again.stdout + again.stderr).toMatch(/sent 2 layers over SSH \(\d\d\.\d kB\)/);

  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${first}`]));
  for (const machine of both) expect(await page(project, machine)).toContain('one');
  await expectNothingLeft(project);
});

test('a rollback to a pruned image is refused, with instructions to rebuild it', async () => {
  const project = await createProject();
  const first = await commitVersion(project, 'one');
  await succeeds(project.start(...deploy));
  const second = await commitVersion(project, 'two');
  await succeeds(project.start(...deploy));
  await sandbox.inside(2, 'docker', 'system', 'prune', '--all', '--force');
  const refused = await project.run('rollback');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`sandbox-2  ${registryOf(project).name}/pushed:${first}`);
  expect(refused.stderr).toContain(`check out ${first}`);
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${second}`]));

  await exec('git', ['-C', project.folder, 'checkout', '--quiet', first]);
  await succeeds(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${first}`]));
});

test.each([
  ['SIGINT', 130],
  ['SIGKILL', null],
] as const)('%s leaves no local file and no forwarded port', async (signal, code) => {
  const project = await createProject();
  const first = await commitVersion(project, 'one');
  await succeeds(project.start(...deploy));
  await commitVersion(project, 'two', 'ENV BROKEN=500');
  await project.write({
    web: { ...web, health: { path: '/up', interval: '100ms', timeout: '1s', deadline: '60s' } },
  });
  const running = project.start(...deploy, '--dirty');
  await running.prints(/start web release 2/);
  expect([await readdir(temporary), await listens(project, 1)]).toEqual([[], true]);
  running.child.kill(signal);
  expect((await running.result).code).toBe(code);
  await expectNothingLeft(project);
  if (signal === 'SIGKILL') await succeeds(project.start('resume', '--revert'));
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${first}`]));
});

test('an image is sent to a host behind a bastion', async () => {
  const environment = 'bastion';
  const bastion = { address: sandbox.environment.hosts['sandbox-1']?.address ?? '', user: 'ops' };
  const project = await createProject(
    {},
    { environments: { [environment]: sandbox.environmentOf([2], { bastion }) } },
  );
  const commit = await commitVersion(project, 'one');
  await succeeds(project.start(...deploy, '--env', environment));
  const { name } = registryOf(project, environment);
  expect(await project.served()).toEqual([[], [`${name}/pushed:${commit}`]]);
});

const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';

test('a host that forbids forwarding and one whose port is in use are named', async () => {
  const project = await createProject();
  await commitVersion(project, 'one');
  const { port } = registryOf(project);
  // Killed at the end of the test.
  const portHolder = sandbox
    .inside(1, 'sh', '-c', `echo $$ >/run/taker; exec busybox nc -l -p ${port}`)
    .catch(() => undefined);
  await waitFor(() => listens(project, 1));
  const setting = '/etc/ssh/sshd_config.d/forwarding.conf';
  const inside = (script: string) => sandbox.inside(2, 'sh', '-c', `${script}; ${restartSshd}`);
  await inside(`echo 'AllowTcpForwarding local' >${setting}`);
  try {
    const { code, stderr } = await project.run(...deploy);
    expect(code).toBe(4);
    expect(stderr).toContain('sandbox-2 does not allow');
    expect(stderr).toContain('AllowTcpForwarding yes');
    expect(stderr).toContain(`port ${port} on sandbox-1 is in use`);
    expect(await project.served()).toEqual([[], []]);
  } finally {
    await inside(`rm ${setting}`);
    await sandbox.inside(1, 'sh', '-c', 'kill $(cat /run/taker)');
    await portHolder;
  }
});

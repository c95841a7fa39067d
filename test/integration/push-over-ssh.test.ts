import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { transferRegistry } from '../../src/domain/transfer-registry.js';
import { finished, type Machines, machines, type Project, waitFor } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const both = [1, 2];
let field: Machines;
/** Where the files go that a deploy makes for itself. */
let temporary: string;

beforeAll(async () => {
  field = await machines('push-over-ssh', 2);
});
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'temporary-'));
});
afterEach(async () => {
  await field.clean();
  await rm(temporary, { recursive: true });
});
afterAll(async () => {
  const { stdout } = await exec('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const made = stdout.split('\n').filter((name) => /^127\.0\.0\.1:2\d{4}\/pushed:/.test(name));
  if (made.length > 0) await exec('docker', ['rmi', '--force', ...made]);
  await field.down();
});

const deploy = ['deploy', '--build', '--push-over-ssh'];
const web = { image: 'pushed', build: '.' };

/** A project without a registry. */
async function open(keys: object = {}, rest: object = {}): Promise<Project> {
  const project = await field.project({ TMPDIR: temporary });
  await project.write({ web: { ...web, ...keys } }, rest);
  await exec('git', ['-C', project.folder, 'init', '--quiet']);
  return project;
}

/** Writes what is built, commits it, and gives the commit. */
async function version({ folder }: Project, page: string, ...more: readonly string[]): Promise<string> {
  const lines = [`FROM ${field.image('v1')}`, 'COPY page /page', `ENV VERSION=${page}`, ...more, ''];
  await writeFile(join(folder, 'page'), page.repeat(10_000));
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
  const git = (...words: readonly string[]) =>
    exec('git', ['-C', folder, '-c', 'user.name=me', '-c', 'user.email=me@here', ...words]);
  await git('add', '--all');
  await git('commit', '--quiet', '--message', page);
  return (await git('rev-parse', '--short=12', 'HEAD')).stdout.trim();
}

const registryOf = ({ name }: Project, environment = `sandbox-${field.sandbox}`) =>
  transferRegistry({ project: name, environment });
const answer = (project: Project, machine: number) =>
  field.inside(machine, 'curl', '-s', `http://127.0.0.1:${project.port}/`);

/** Whether anything listens on the port that was lent. */
async function listens(project: Project, machine: number): Promise<boolean> {
  const hex = registryOf(project).port.toString(16).toUpperCase();
  const lines = await field.inside(machine, 'cat', '/proc/net/tcp', '/proc/net/tcp6');
  return new RegExp(`:${hex} 0+:0000 0A`).test(lines);
}

async function expectNothingLeft(project: Project): Promise<void> {
  expect(await readdir(temporary)).toEqual([]);
  for (const machine of both) await waitFor(async () => !(await listens(project, machine)), 15_000);
}

test('what is built travels to each host, then only what has changed, and comes back without a registry', async () => {
  const project = await open();
  const { name } = registryOf(project);
  const first = await version(project, 'one');
  const deployed = await finished(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${first}`]));
  expect(deployed.stdout + deployed.stderr).toMatch(/sent (?:6|8|10) layers over SSH \([34]\.\d MB\)/);
  await expectNothingLeft(project);

  const second = await version(project, 'two');
  const again = await finished(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${second}`]));
  for (const machine of both) expect(await answer(project, machine)).toContain('two');
  // The page, in a tar, and the configuration of the image, to each of two hosts.
  expect(again.stdout + again.stderr).toMatch(/sent 2 layers over SSH \(\d\d\.\d kB\)/);

  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(both.map(() => [`${name}/pushed:${first}`]));
  for (const machine of both) expect(await answer(project, machine)).toContain('one');
  await expectNothingLeft(project);
});

test('a release whose image was pruned cannot come back, and it says how to have it again', async () => {
  const project = await open();
  const first = await version(project, 'one');
  await finished(project.start(...deploy));
  const second = await version(project, 'two');
  await finished(project.start(...deploy));
  await field.inside(2, 'docker', 'system', 'prune', '--all', '--force');
  const refused = await project.run('rollback');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`sandbox-2  ${registryOf(project).name}/pushed:${first}`);
  expect(refused.stderr).toContain(`check out ${first}`);
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${second}`]));

  await exec('git', ['-C', project.folder, 'checkout', '--quiet', first]);
  await finished(project.start(...deploy));
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${first}`]));
});

test.each([
  ['SIGINT', 130],
  ['SIGKILL', null],
] as const)('%s leaves no file here and no port there', async (signal, code) => {
  const project = await open();
  const first = await version(project, 'one');
  await finished(project.start(...deploy));
  await version(project, 'two', 'ENV BROKEN=500');
  await project.write({
    web: { ...web, health: { path: '/up', interval: '100ms', timeout: '1s', deadline: '60s' } },
  });
  const running = project.start(...deploy, '--dirty');
  await running.prints(/start web release 2/);
  expect([await readdir(temporary), await listens(project, 1)]).toEqual([[], true]);
  running.child.kill(signal);
  expect((await running.answer).code).toBe(code);
  await expectNothingLeft(project);
  if (signal === 'SIGKILL') await finished(project.start('resume', '--revert'));
  expect(await project.served()).toEqual(both.map(() => [`${registryOf(project).name}/pushed:${first}`]));
});

test('a host behind a bastion pulls through both', async () => {
  const environment = 'through';
  const bastion = { address: field.environment.hosts['sandbox-1']?.address ?? '', user: 'ops' };
  const project = await open({}, { environments: { [environment]: field.some([2], { bastion }) } });
  const commit = await version(project, 'one');
  await finished(project.start(...deploy, '--env', environment));
  const { name } = registryOf(project, environment);
  expect(await project.served()).toEqual([[], [`${name}/pushed:${commit}`]]);
});

const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';

test('a host that forbids it is named with the setting, and so is one whose port is taken', async () => {
  const project = await open();
  await version(project, 'one');
  const { port } = registryOf(project);
  // It is killed in the end.
  const taken = field
    .inside(1, 'sh', '-c', `echo $$ >/run/taker; exec busybox nc -l -p ${port}`)
    .catch(() => undefined);
  await waitFor(() => listens(project, 1));
  const setting = '/etc/ssh/sshd_config.d/forwarding.conf';
  const inside = (script: string) => field.inside(2, 'sh', '-c', `${script}; ${restartSshd}`);
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
    await field.inside(1, 'sh', '-c', 'kill $(cat /run/taker)');
    await taken;
  }
});

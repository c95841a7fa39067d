import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSandbox, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
let sandbox: Sandbox;
const builtImages = new Set<string>();

beforeAll(async () => {
  sandbox = await openSandbox('build', 1);
});
afterEach(() => sandbox.clean());
afterAll(async () => {
  if (builtImages.size > 0) await exec('docker', ['rmi', '--force', ...builtImages]);
  await sandbox.down();
});

const git = async ({ folder }: Project, ...words: readonly string[]) => {
  const own = ['-c', 'user.name=me', '-c', 'user.email=me@here'];
  return (await exec('git', ['-C', folder, ...own, ...words])).stdout.trim();
};

/** Writes and commits a Dockerfile for this version; returns the commit. */
async function commitVersion(project: Project, name: string): Promise<string> {
  const text = `FROM ${sandbox.image('v1')}\nENV VERSION=${name}\n`;
  await writeFile(join(project.folder, 'Dockerfile'), text);
  await git(project, 'add', '--all');
  await git(project, 'commit', '--quiet', '--message', name);
  const commit = await git(project, 'rev-parse', '--short=12', 'HEAD');
  builtImages.add(`${sandbox.registry}/built:${commit}`);
  return commit;
}

const Findings = z.object({
  schema: z.literal(1),
  findings: z.array(
    z.object({
      group: z.string(),
      about: z.string(),
      state: z.enum(['good', 'caution', 'bad']),
      text: z.string(),
      remedy: z.string().optional(),
    }),
  ),
});

async function runDoctor(project: Project) {
  const { code, stdout } = await project.run('doctor', '--json');
  const { findings } = Findings.parse(JSON.parse(stdout));
  return { code, findings, bad: findings.filter(({ state }) => state === 'bad') };
}

test('a build is deployed under its commit, then the next commit, and rolled back', async () => {
  const project = await sandbox.newProject();
  await project.write({ web: { image: `${sandbox.registry}/built`, build: '.' } });
  await git(project, 'init', '--quiet');
  const page = () => sandbox.inside(1, 'curl', '-s', `http://127.0.0.1:${project.port}/`);

  const first = await commitVersion(project, 'one');
  const image = `${sandbox.registry}/built:${first}`;
  const unpushed = await project.run('plan');
  expect([unpushed.code, unpushed.stderr]).toEqual([1, expect.stringContaining('add --build')]);
  const plan = await succeeds(project.start('plan', '--build'));
  expect(plan.stdout).toContain(`${image} will be built`);
  const { stdout: local } = await exec('docker', ['images', '--quiet', image]);
  expect(local).toBe('');
  const deployed = await succeeds(project.start('deploy', '--build'));
  expect(deployed.stderr).toContain(`build web: ${sandbox.registry}/built:${first}`);
  expect(await project.serving(1)).toEqual([`${sandbox.registry}/built:${first}`]);
  expect(await page()).toContain('one');

  // Nothing has changed, so nothing is built.
  const again = await succeeds(project.start('deploy', '--build'));
  expect(again.stderr).toContain(`${sandbox.registry}/built:${first} is already in the registry`);

  await writeFile(join(project.folder, 'Dockerfile'), 'FROM scratch\n');
  const dirty = await project.run('deploy', '--build');
  expect(dirty.code).toBe(2);
  expect(dirty.stderr).toContain('--dirty');

  const second = await commitVersion(project, 'two');
  await succeeds(project.start('deploy', '--build'));
  expect(await project.serving(1)).toEqual([`${sandbox.registry}/built:${second}`]);
  expect(await page()).toContain('two');

  await succeeds(project.start('rollback'));
  expect(await project.serving(1)).toEqual([`${sandbox.registry}/built:${first}`]);
  expect(await page()).toContain('one');
});

test('a failed build changes nothing and reports the reason', async () => {
  const project = await sandbox.newProject();
  await project.write({ web: { image: `${sandbox.registry}/built`, build: '.' } });
  await git(project, 'init', '--quiet');
  await writeFile(
    join(project.folder, 'Dockerfile'),
    `FROM ${sandbox.image('v1')}\nRUN ["/bin/busybox", "false"]\n`,
  );
  await git(project, 'add', '--all');
  await git(project, 'commit', '--quiet', '--message', 'broken');
  const { code, stderr } = await project.run('deploy', '--build');
  expect(code).toBe(1);
  expect(stderr).toContain('✗ cannot build web');
  expect(await project.containers(1)).toEqual([]);
  const dead = await sandbox.newProject({ DOCKER_HOST: 'tcp://127.0.0.1:1' });
  await dead.write({ web: { image: `${sandbox.registry}/built`, build: '.' } });
  const unreachable = await dead.run('build', '--tag', 'v1');
  expect(unreachable.code).toBe(5);
  expect(unreachable.stderr).toContain('does not respond');
});

test('doctor reports a taken port and a user without access to Docker', async () => {
  const project = await sandbox.newProject();
  await project.write({ web: {} });
  expect(await runDoctor(project)).toMatchObject({ code: 0, bad: [] });

  const stranger = ['docker', 'run', '-d', '--name', 'stranger', '-p', `${project.port}:8080`];
  await sandbox.inside(1, ...stranger, sandbox.image('v1'));
  const onPort = await runDoctor(project);
  expect(onPort.code).toBe(1);
  expect(onPort.bad).toMatchObject([{ about: 'ports', text: expect.stringContaining('stranger') }]);

  const { user } = sandbox.environment.ssh;
  await sandbox.inside(1, 'gpasswd', '--delete', user, 'docker');
  try {
    const noDocker = await runDoctor(project);
    expect(noDocker.code).toBe(4);
    expect(noDocker.bad.map(({ about }) => about)).toContain('docker');
    expect(noDocker.findings.find(({ about }) => about === 'clock')).toMatchObject({ state: 'good' });
  } finally {
    await sandbox.inside(1, 'usermod', '-aG', 'docker', user);
  }
});

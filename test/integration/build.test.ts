import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { finished, type Machines, machines, type Project } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
let field: Machines;
const made = new Set<string>();

beforeAll(async () => {
  field = await machines('build', 1);
});
afterEach(() => field.clean());
afterAll(async () => {
  if (made.size > 0) await exec('docker', ['rmi', '--force', ...made]);
  await field.down();
});

const git = async ({ folder }: Project, ...words: readonly string[]) => {
  const own = ['-c', 'user.name=me', '-c', 'user.email=me@here'];
  return (await exec('git', ['-C', folder, ...own, ...words])).stdout.trim();
};

/** Writes what is built, commits it, and gives the commit. */
async function version(project: Project, name: string): Promise<string> {
  const text = `FROM ${field.image('v1')}\nENV VERSION=${name}\n`;
  await writeFile(join(project.folder, 'Dockerfile'), text);
  await git(project, 'add', '--all');
  await git(project, 'commit', '--quiet', '--message', name);
  const commit = await git(project, 'rev-parse', '--short=12', 'HEAD');
  made.add(`${field.registry}/built:${commit}`);
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

async function examined(project: Project) {
  const { code, stdout } = await project.run('doctor', '--json');
  const { findings } = Findings.parse(JSON.parse(stdout));
  return { code, findings, bad: findings.filter(({ state }) => state === 'bad') };
}

test('what is built is deployed by its commit, again after a change, and brought back', async () => {
  const project = await field.project();
  await project.write({ web: { image: `${field.registry}/built`, build: '.' } });
  await git(project, 'init', '--quiet');
  const answer = () => field.inside(1, 'curl', '-s', `http://127.0.0.1:${project.port}/`);

  const first = await version(project, 'one');
  const deployed = await finished(project.start('deploy', '--build'));
  expect(deployed.stderr).toContain(`build web: ${field.registry}/built:${first}`);
  expect(await project.serving(1)).toEqual([`${field.registry}/built:${first}`]);
  expect(await answer()).toContain('one');

  // The registry has it, and nothing has changed.
  const again = await finished(project.start('deploy', '--build'));
  expect(again.stderr).toContain(`${field.registry}/built:${first} is already in the registry`);

  await writeFile(join(project.folder, 'Dockerfile'), 'FROM scratch\n');
  const dirty = await project.run('deploy', '--build');
  expect(dirty.code).toBe(2);
  expect(dirty.stderr).toContain('--dirty');

  const second = await version(project, 'two');
  await finished(project.start('deploy', '--build'));
  expect(await project.serving(1)).toEqual([`${field.registry}/built:${second}`]);
  expect(await answer()).toContain('two');

  await finished(project.start('rollback'));
  expect(await project.serving(1)).toEqual([`${field.registry}/built:${first}`]);
  expect(await answer()).toContain('one');
});

test('a build that fails changes nothing, and says why', async () => {
  const project = await field.project();
  await project.write({ web: { image: `${field.registry}/built`, build: '.' } });
  await git(project, 'init', '--quiet');
  await writeFile(
    join(project.folder, 'Dockerfile'),
    `FROM ${field.image('v1')}\nRUN ["/bin/busybox", "false"]\n`,
  );
  await git(project, 'add', '--all');
  await git(project, 'commit', '--quiet', '--message', 'broken');
  const { code, stderr } = await project.run('deploy', '--build');
  expect(code).toBe(1);
  expect(stderr).toContain('✗ cannot build web');
  expect(await project.containers(1)).toEqual([]);
  const dead = await field.project({ DOCKER_HOST: 'tcp://127.0.0.1:1' });
  await dead.write({ web: { image: `${field.registry}/built`, build: '.' } });
  const unreachable = await dead.run('build', '--tag', 'v1');
  expect(unreachable.code).toBe(5);
  expect(unreachable.stderr).toContain('does not respond');
});

test('doctor says what is wrong, how to mend it, and nothing once that is done', async () => {
  const project = await field.project();
  await project.write({ web: {} });
  expect(await examined(project)).toMatchObject({ code: 0, bad: [] });

  const stranger = ['docker', 'run', '-d', '--name', 'stranger', '-p', `${project.port}:8080`];
  await field.inside(1, ...stranger, field.image('v1'));
  const onPort = await examined(project);
  expect(onPort.code).toBe(1);
  expect(onPort.bad).toMatchObject([{ about: 'ports', text: expect.stringContaining('stranger') }]);

  const { user } = field.environment.ssh;
  await field.inside(1, 'gpasswd', '--delete', user, 'docker');
  try {
    const noDocker = await examined(project);
    expect(noDocker.code).toBe(4);
    expect(noDocker.bad.map(({ about }) => about)).toContain('docker');
    expect(noDocker.findings.find(({ about }) => about === 'clock')).toMatchObject({ state: 'good' });
  } finally {
    await field.inside(1, 'usermod', '-aG', 'docker', user);
  }
});

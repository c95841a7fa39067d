import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { machines, type Project, type Sandbox, succeeds } from '../integration/harness.js';
import { expectServes, type Injection, injectFault } from './engine-rows.js';

jest.setTimeout(240_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await machines('engine', 1);
});
afterAll(() => sandbox.down());

const shell = (line: string) => sandbox.inside(1, 'sh', '-c', line);

async function deployThenSetImage(image: string): Promise<Project> {
  const project = await sandbox.newProject();
  await project.write({ web: {} });
  await succeeds(project.start('deploy'));
  await project.write({ web: { image } });
  return project;
}

describe('an engine that, during a deploy,', () => {
  afterEach(() => sandbox.clean());

  test('is killed and restarted: the same command then deploys the new release once', async () => {
    const project = await deployThenSetImage(sandbox.image('v2'));
    await injectFault(sandbox, project, { step: 'container.start', line: () => 'engine kill' });
    const { code, stderr } = await project.run('deploy');
    expect([0, 5, 7]).toContain(code);
    if (code !== 0) expect(stderr).toMatch(/sandbox-1/);
    await shell('engine start');
    await injectFault(sandbox, project, { step: 'container.start', line: () => 'true' });
    await succeeds(project.start('deploy'));
    await expectServes(sandbox, project, 'v2');
  });

  test('hangs for 8 s is waited for', async () => {
    const project = await deployThenSetImage(sandbox.image('v2'));
    const engine = '$(cat /run/docker.pid)';
    const line = `kill -STOP ${engine}; setsid sh -c "sleep 8; kill -CONT ${engine}" >/dev/null 2>&1 &`;
    await injectFault(sandbox, project, { step: 'container.start', line: () => line });
    await succeeds(project.start('deploy'));
    await expectServes(sandbox, project, 'v2');
  });

  test('hangs for good is named at the timeout, and the deploy is undone once the engine responds', async () => {
    const project = await deployThenSetImage(sandbox.image('v2'));
    await injectFault(sandbox, project, {
      step: 'container.start',
      line: () => 'kill -STOP $(cat /run/docker.pid)',
    });
    const { code, stderr } = await project.run('deploy');
    await shell('kill -CONT $(cat /run/docker.pid)');
    expect(code).toBe(7);
    expect(stderr).toMatch(/Docker engine on sandbox-1 did not respond within 60 s/);
    expect(stderr).toMatch(/oneclick resume/);
    // The run is undone, but keeps its failure.
    expect(await project.run('resume')).toMatchObject({ code: 5 });
    await expectServes(sandbox, project, 'v1');
  });
});

describe('a disk that', () => {
  let project: Project;
  // Puts the engine's files on a disk of 300 MB.
  beforeAll(async () => {
    await shell('engine stop && mount -t tmpfs -o size=300m tmpfs /var/lib/docker && engine start');
    project = await deployThenSetImage(sandbox.image('v2'));
  });
  afterAll(async () => {
    await sandbox.clean();
    await shell('engine stop && umount /var/lib/docker && engine start');
  });

  const fillDisk = (megabytes: number) =>
    `dd if=/dev/zero of=/var/lib/docker/full bs=1M 2>/dev/null; truncate -s -${megabytes}M /var/lib/docker/full`;

  test.each<[string, Injection, RegExp]>([
    ['before the deploy', { line: () => fillDisk(20) }, /MB free for images, 256 MB needed/],
    [
      'during the pull',
      { recipe: 'deploy', step: 'image.pull', line: () => fillDisk(0) },
      /no space left on device[\s\S]*docker system df/,
    ],
    [
      'when the container is created',
      { step: 'container.create', line: () => fillDisk(0) },
      /no space left on device/,
    ],
  ])('is full %s is named, and the running container is not touched', async (_, injection, says) => {
    await rm(join(project.folder, '.oneclick/recipes'), { recursive: true, force: true });
    await injectFault(sandbox, project, injection);
    const result = await project.run('deploy');
    const output = result.stdout + result.stderr;
    expect({ code: result.code, output }).toMatchObject({ code: 1 });
    expect(output).toMatch(says);
    expect(output).toContain('sandbox-1');
    await shell('rm -f /var/lib/docker/full');
    await expectServes(sandbox, project, 'v1');
  });
});

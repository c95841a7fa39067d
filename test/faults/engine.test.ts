import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project } from '../integration/harness.js';
import { expectServes, type Meddling, meddle } from './engine-rows.js';

jest.setTimeout(240_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('engine', 1);
});
afterAll(() => field.down());

const shell = (line: string) => field.inside(1, 'sh', '-c', line);

async function running(image: string): Promise<Project> {
  const project = await field.project();
  await project.write({ web: {} });
  await finished(project.start('deploy'));
  await project.write({ web: { image } });
  return project;
}

describe('an engine that, in mid-deploy,', () => {
  afterEach(() => field.clean());

  test('is killed, and comes back: the same command ends with the new release, once', async () => {
    const project = await running(field.image('v2'));
    await meddle(field, project, { step: 'container.start', line: () => 'engine kill' });
    const { code, stderr } = await project.run('deploy');
    expect([0, 5, 7]).toContain(code);
    if (code !== 0) expect(stderr).toMatch(/sandbox-1/);
    await shell('engine start');
    await meddle(field, project, { step: 'container.start', line: () => 'true' });
    await finished(project.start('deploy'));
    await expectServes(field, project, 'v2');
  });

  test('hangs for 8 s is waited for', async () => {
    const project = await running(field.image('v2'));
    const engine = '$(cat /run/docker.pid)';
    const line = `kill -STOP ${engine}; setsid sh -c "sleep 8; kill -CONT ${engine}" >/dev/null 2>&1 &`;
    await meddle(field, project, { step: 'container.start', line: () => line });
    await finished(project.start('deploy'));
    await expectServes(field, project, 'v2');
  });

  test('hangs for good is given up and named, and taken back once it goes on', async () => {
    const project = await running(field.image('v2'));
    await meddle(field, project, {
      step: 'container.start',
      line: () => 'kill -STOP $(cat /run/docker.pid)',
    });
    const { code, stderr } = await project.run('deploy');
    await shell('kill -CONT $(cat /run/docker.pid)');
    expect(code).toBe(7);
    expect(stderr).toMatch(/Docker engine on sandbox-1 did not respond within 60 s/);
    expect(stderr).toMatch(/oneclick resume/);
    // It is taken back in the end; what the run failed with stays what it failed with.
    expect(await project.run('resume')).toMatchObject({ code: 5 });
    await expectServes(field, project, 'v1');
  });
});

describe('a disk that', () => {
  let project: Project;
  /** The engine's files are on a disk of 300 MB for as long as these tests take. */
  beforeAll(async () => {
    await shell('engine stop && mount -t tmpfs -o size=300m tmpfs /var/lib/docker && engine start');
    project = await running(field.image('v2'));
  });
  afterAll(async () => {
    await field.clean();
    await shell('engine stop && umount /var/lib/docker && engine start');
  });

  const leave = (megabytes: number) =>
    `dd if=/dev/zero of=/var/lib/docker/full bs=1M 2>/dev/null; truncate -s -${megabytes}M /var/lib/docker/full`;

  test.each<[string, Meddling, RegExp]>([
    ['before the deploy', { line: () => leave(20) }, /MB free for images, 256 MB needed/],
    [
      'in the pull',
      { recipe: 'deploy', step: 'image.pull', line: () => leave(0) },
      /no space left on device[\s\S]*docker system df/,
    ],
    [
      'when the container is made',
      { step: 'container.create', line: () => leave(0) },
      /no space left on device/,
    ],
  ])('is full %s is named, and what runs is not touched', async (_, full, says) => {
    await rm(join(project.folder, '.oneclick/recipes'), { recursive: true, force: true });
    await meddle(field, project, full);
    const answer = await project.run('deploy');
    const told = answer.stdout + answer.stderr;
    expect({ code: answer.code, told }).toMatchObject({ code: 1 });
    expect(told).toMatch(says);
    expect(told).toContain('sandbox-1');
    await shell('rm -f /var/lib/docker/full');
    await expectServes(field, project, 'v1');
  });
});

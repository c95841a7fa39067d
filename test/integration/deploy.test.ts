import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { machines, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;
let project: Project;

beforeAll(async () => {
  sandbox = await machines('deploy');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** A project with one web service that runs v1 on all hosts. */
async function deployed(): Promise<Project> {
  const created = await sandbox.newProject();
  await created.write({ web: {} });
  await succeeds(created.start('deploy'));
  return created;
}

const everywhere = (tag: string) => [[tag], [tag], [tag]];

test('a release is deployed to three machines, then the next one, and rolled back', async () => {
  project = await deployed();
  expect(await project.served()).toEqual(everywhere('v1'));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  expect(await project.served()).toEqual(everywhere('v2'));
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release that is already running is not changed, and the output says so', async () => {
  project = await deployed();
  const before = await sandbox.inside(1, 'docker', 'ps', '-q', '--no-trunc');
  const again = await project.run('deploy');
  expect(again.code).toBe(0);
  expect(again.stdout + again.stderr).toMatch(/unchanged|nothing to (do|change)|already/i);
  expect(await sandbox.inside(1, 'docker', 'ps', '-q', '--no-trunc')).toBe(before);
});

test('a dry run changes nothing', async () => {
  project = await deployed();
  const before = await Promise.all(
    [1, 2, 3].map((machine) => sandbox.inside(machine, 'docker', 'ps', '-aq')),
  );
  const dry = await project.run('deploy', 'web', '--tag', 'v2', '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain('v2');
  expect(
    await Promise.all([1, 2, 3].map((machine) => sandbox.inside(machine, 'docker', 'ps', '-aq'))),
  ).toEqual(before);
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a rollback skips a release that was rolled back before', async () => {
  project = await deployed();
  for (const argv of [['deploy', 'web', '--tag', 'v2'], ['rollback'], ['deploy', 'web', '--tag', 'v3']]) {
    await succeeds(project.start(...argv));
  }
  expect(await project.served()).toEqual(everywhere('v3'));
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a rollback deploys the first release to a host that was added later', async () => {
  project = await sandbox.newProject();
  await project.write({ web: {} });
  await succeeds(project.start('deploy', '--only', 'sandbox-1', '--only', 'sandbox-2'));
  expect(await project.served()).toEqual([['v1'], ['v1'], []]);
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a host is rolled back after its stopped containers and images were pruned', async () => {
  project = await deployed();
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  await sandbox.inside(2, 'docker', 'system', 'prune', '-af');
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;
let project: Project;

beforeAll(async () => {
  field = await machines('deploy');
});
afterEach(() => field.clean());
afterAll(() => field.down());

/** A project with one web service that runs v1 everywhere. */
async function deployed(): Promise<Project> {
  const made = await field.project();
  await made.write({ web: {} });
  await finished(made.start('deploy'));
  return made;
}

const everywhere = (tag: string) => [[tag], [tag], [tag]];

test('a release is deployed to three machines, then the next one, and rolled back', async () => {
  project = await deployed();
  expect(await project.served()).toEqual(everywhere('v1'));
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  expect(await project.served()).toEqual(everywhere('v2'));
  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('what runs already is left alone, and that is said', async () => {
  project = await deployed();
  const before = await field.inside(1, 'docker', 'ps', '-q', '--no-trunc');
  const again = await project.run('deploy');
  expect(again.code).toBe(0);
  expect(again.stdout + again.stderr).toMatch(/unchanged|nothing to (do|change)|already/i);
  expect(await field.inside(1, 'docker', 'ps', '-q', '--no-trunc')).toBe(before);
});

test('a dry run changes nothing', async () => {
  project = await deployed();
  const before = await Promise.all([1, 2, 3].map((machine) => field.inside(machine, 'docker', 'ps', '-aq')));
  const dry = await project.run('deploy', 'web', '--tag', 'v2', '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain('v2');
  expect(await Promise.all([1, 2, 3].map((machine) => field.inside(machine, 'docker', 'ps', '-aq')))).toEqual(
    before,
  );
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('v1, v2, back, v3, back is v1: what was rolled back from is no target', async () => {
  project = await deployed();
  for (const argv of [['deploy', 'web', '--tag', 'v2'], ['rollback'], ['deploy', 'web', '--tag', 'v3']]) {
    await finished(project.start(...argv));
  }
  expect(await project.served()).toEqual(everywhere('v3'));
  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a host that was not there at the first release gets it when it is rolled back to', async () => {
  project = await field.project();
  await project.write({ web: {} });
  await finished(project.start('deploy', '--only', 'sandbox-1', '--only', 'sandbox-2'));
  expect(await project.served()).toEqual([['v1'], ['v1'], []]);
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a host whose stopped containers and images were pruned is rolled back all the same', async () => {
  project = await deployed();
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  await field.inside(2, 'docker', 'system', 'prune', '-af');
  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

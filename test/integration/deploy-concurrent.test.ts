import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { allContainerStates, expectSettled } from './expect-settled.js';
import { machines, type Project, type Result, type Sandbox, slow, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await machines('concurrent');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** A project that runs v1 on all hosts. Later versions start slowly, so that deploys overlap. */
async function deployed(seconds = 3): Promise<Project> {
  const project = await sandbox.newProject();
  await project.write({ web: slow(seconds) });
  await succeeds(project.start('deploy', '--batch', 'all'));
  return project;
}

const only = (...machines: readonly number[]) => machines.flatMap((it) => ['--only', `sandbox-${it}`]);
const codes = (results: readonly Result[]) => results.map(({ code }) => code);

/** `USER@MACHINE has been deploying web for 20 s (run RUN), now ACTION on HOST` */
const holderNamed = /\S+@\S+ has been deploying web for \d+ s \(run ([0-9a-f]{6})\), now [a-z]+ing .*web/;

test('one of five deploys on overlapping hosts wins; the others name it, its duration and its step', async () => {
  // Long enough for four more deploys to be refused on a busy machine.
  const project = await deployed(15);
  const first = project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all');
  await waitFor(async () => (await project.serving(2)).includes('v2'));
  const others = await Promise.all(
    [only(1), only(2), only(1, 2), only(2, 3)].map((hosts) =>
      project.run('deploy', 'web', '--tag', 'v3', ...hosts),
    ),
  );
  expect(first.child.exitCode).toBeNull();
  const { stderr, stdout } = await succeeds(first);
  const run = /run ([0-9a-f]{6})/.exec(stdout + stderr)?.[1];
  expect(codes(others)).toEqual([3, 3, 3, 3]);
  for (const other of others) {
    expect(other.stderr).toMatch(holderNamed);
    expect(holderNamed.exec(other.stderr)?.[1]).toBe(run);
  }
  await expectSettled(sandbox, project, ['v2', 'v2', 'v2']);
});

test('after two simultaneous deploys all hosts run the same version, and a refused deploy names the other', async () => {
  const project = await deployed();
  const [v2, v3] = await Promise.all(
    ['v2', 'v3'].map((tag) => project.run('deploy', 'web', '--tag', tag, '--batch', 'all')),
  );
  // Both may be refused, because a lease covers all hosts or none.
  for (const { code, stderr } of [v2, v3].filter((answer) => answer !== undefined)) {
    if (code !== 0) expect([code, stderr]).toEqual([3, expect.stringContaining(' has been deploying ')]);
  }
  const expected = v3?.code === 0 ? 'v3' : v2?.code === 0 ? 'v2' : 'v1';
  const served = (await project.served()).flat();
  expect(new Set(served).size).toBe(1);
  await expectSettled(
    sandbox,
    project,
    v2?.code === 0 && v3?.code === 0 ? served : [expected, expected, expected],
  );
});

test('two simultaneous deploys with --wait succeed one after the other', async () => {
  const project = await deployed();
  const both = await Promise.all(
    ['v2', 'v3'].map((tag) => project.run('deploy', 'web', '--tag', tag, '--batch', 'all', '--wait')),
  );
  expect(codes(both)).toEqual([0, 0]);
  const [last = ''] = (await project.served()).flat();
  expect(['v2', 'v3']).toContain(last);
  await expectSettled(sandbox, project, [last, last, last]);
});

test('five simultaneous deploys with --wait on overlapping hosts succeed one after the other', async () => {
  const project = await deployed();
  const all = [only(1), only(1, 2), only(2, 3), only(3), only(1, 2, 3)];
  const results = await Promise.all(
    all.map((hosts, index) =>
      project.run('deploy', 'web', '--tag', index % 2 ? 'v3' : 'v2', '--batch', 'all', ...hosts, '--wait'),
    ),
  );
  expect(results.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0]);
  for (const machine of [1, 2, 3]) expect(await project.serving(machine)).toHaveLength(1);
  await succeeds(project.start('deploy', 'web', '--tag', 'v1', '--batch', 'all'));
  await expectSettled(sandbox, project, ['v1', 'v1', 'v1']);
});

test('a client suspended for 30 s during another deploy changes nothing when it resumes, and reports why', async () => {
  const project = await deployed();
  const frozen = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  frozen.child.kill('SIGSTOP');
  const since = performance.now();
  const leaseStatus = async () => (await succeeds(project.start('lease'))).stdout;
  await waitFor(async () => (await leaseStatus()).includes('no run holds'), 30_000);
  await succeeds(project.start('deploy', 'web', '--tag', 'v3', '--batch', 'all'));
  await waitFor(
    async () => performance.now() - since > 30_000 && (await leaseStatus()).includes('no run holds'),
    60_000,
  );
  const before = await allContainerStates(sandbox);
  frozen.child.kill('SIGCONT');
  const { code, stderr } = await frozen.result;
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/the lease on sandbox-\d was lost|was suspended|connection/);
  expect(await allContainerStates(sandbox)).toEqual(before);
  await expectSettled(sandbox, project, ['v3', 'v3', 'v3']);
});

import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { expectSettled, ledgers } from './expect-settled.js';
import { type Answer, finished, type Machines, machines, type Project, slow, waitFor } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('concurrent');
});
afterEach(() => field.clean());
afterAll(() => field.down());

/** A project that runs v1 everywhere; later versions answer after some seconds, so that others meet a deploy half-way. */
async function deployed(seconds = 3): Promise<Project> {
  const made = await field.project();
  await made.write({ web: slow(seconds) });
  await finished(made.start('deploy', '--batch', 'all'));
  return made;
}

const only = (...machines: readonly number[]) => machines.flatMap((it) => ['--only', `sandbox-${it}`]);
const codes = (answers: readonly Answer[]) => answers.map(({ code }) => code);

/** `USER@MACHINE has been deploying web for 20 s (run RUN), now ACTION on HOST` */
const holderNamed = /\S+@\S+ has been deploying web for \d+ s \(run ([0-9a-f]{6})\), now [a-z]+ing .*web/;

test('of five deploys at once on hosts that overlap one wins, and the others name it, since when and at which step', async () => {
  // As long as four others may take to find that out on a machine that is busy with all of them.
  const project = await deployed(15);
  const first = project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all');
  await waitFor(async () => (await project.serving(2)).includes('v2'));
  const others = await Promise.all(
    [only(1), only(2), only(1, 2), only(2, 3)].map((hosts) =>
      project.run('deploy', 'web', '--tag', 'v3', ...hosts),
    ),
  );
  expect(first.child.exitCode).toBeNull();
  const { stderr, stdout } = await finished(first);
  const run = /run ([0-9a-f]{6})/.exec(stdout + stderr)?.[1];
  expect(codes(others)).toEqual([3, 3, 3, 3]);
  for (const other of others) {
    expect(other.stderr).toMatch(holderNamed);
    expect(holderNamed.exec(other.stderr)?.[1]).toBe(run);
  }
  await expectSettled(field, project, ['v2', 'v2', 'v2']);
});

test('of two deploys that start at the same moment at least one goes on, and every host runs what was committed', async () => {
  const project = await deployed();
  const [v2, v3] = await Promise.all(
    ['v2', 'v3'].map((tag) => project.run('deploy', 'web', '--tag', tag, '--batch', 'all')),
  );
  // Both may find the hosts of each other taken, for the lease is on all hosts or on none; a loser always says so.
  for (const { code, stderr } of [v2, v3].filter((answer) => answer !== undefined)) {
    if (code !== 0) expect([code, stderr]).toEqual([3, expect.stringContaining(' has been deploying ')]);
  }
  const now = v3?.code === 0 ? 'v3' : v2?.code === 0 ? 'v2' : 'v1';
  const served = (await project.served()).flat();
  expect(new Set(served).size).toBe(1);
  await expectSettled(field, project, v2?.code === 0 && v3?.code === 0 ? served : [now, now, now]);
});

test('two deploys at once that wait both end well, one after the other', async () => {
  const project = await deployed();
  const both = await Promise.all(
    ['v2', 'v3'].map((tag) => project.run('deploy', 'web', '--tag', tag, '--batch', 'all', '--wait')),
  );
  expect(codes(both)).toEqual([0, 0]);
  const [last = ''] = (await project.served()).flat();
  expect(['v2', 'v3']).toContain(last);
  await expectSettled(field, project, [last, last, last]);
});

test('five deploys at once that wait, on hosts that overlap, all end well, one after the other', async () => {
  const project = await deployed();
  const all = [only(1), only(1, 2), only(2, 3), only(3), only(1, 2, 3)];
  const answers = await Promise.all(
    all.map((hosts, index) =>
      project.run('deploy', 'web', '--tag', index % 2 ? 'v3' : 'v2', '--batch', 'all', ...hosts, '--wait'),
    ),
  );
  expect(answers.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0]);
  for (const machine of [1, 2, 3]) expect(await project.serving(machine)).toHaveLength(1);
  await finished(project.start('deploy', 'web', '--tag', 'v1', '--batch', 'all'));
  await expectSettled(field, project, ['v1', 'v1', 'v1']);
});

test('a client that was frozen for 30 s, while another deployed, changes nothing when it wakes, and says why', async () => {
  const project = await deployed();
  const frozen = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  frozen.child.kill('SIGSTOP');
  const since = performance.now();
  const lease = async () => (await finished(project.start('lease'))).stdout;
  await waitFor(async () => (await lease()).includes('no run holds'), 30_000);
  await finished(project.start('deploy', 'web', '--tag', 'v3', '--batch', 'all'));
  await waitFor(
    async () => performance.now() - since > 30_000 && (await lease()).includes('no run holds'),
    60_000,
  );
  const before = await ledgers(field);
  frozen.child.kill('SIGCONT');
  const { code, stderr } = await frozen.answer;
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/the lease on sandbox-\d was lost|was suspended|connection/);
  expect(await ledgers(field)).toEqual(before);
  await expectSettled(field, project, ['v3', 'v3', 'v3']);
});

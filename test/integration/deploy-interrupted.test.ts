import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project, type Running, slow, waitFor } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('interrupted');
});
afterEach(() => field.clean());
afterAll(() => field.down());

const everywhere = (tag: string) => [[tag], [tag], [tag]];
const all = [1, 2, 3];

/** A project that runs v1 everywhere; from v2 on its containers answer after 3 s, so that a swap can be met half-way. */
async function deployed(): Promise<Project> {
  const made = await field.project();
  await made.write({ web: slow(3) });
  await finished(made.start('deploy', '--batch', 'all'));
  return made;
}

/** A deploy of a release that has begun to take the first machine and has not ended. */
async function midSwap(project: Project, tag = 'v2'): Promise<Running> {
  const running = project.start('deploy', 'web', '--tag', tag, '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes(tag));
  expect(running.child.exitCode).toBeNull();
  return running;
}

async function killed(running: Running): Promise<void> {
  running.child.kill('SIGKILL');
  await running.answer;
}

/** The same command until the lease of the one that died is free: 15 s at most. */
async function onceFree(project: Project, ...argv: readonly string[]) {
  let answer = await project.run(...argv);
  await waitFor(async () => {
    if (answer.code !== 3) return true;
    answer = await project.run(...argv);
    return answer.code !== 3;
  }, 15_000);
  return answer;
}

/** On every machine one container serves, and none is there that never served. */
async function expectOnly(project: Project, tag: string): Promise<void> {
  expect(await project.served()).toEqual(everywhere(tag));
  for (const machine of all) {
    const states = await project.containers(machine);
    expect(states.filter((line) => line.endsWith(' running'))).toHaveLength(1);
    expect(states.filter((line) => line.endsWith(' created'))).toEqual([]);
  }
}

test('Ctrl-C in mid-swap takes everything back', async () => {
  const project = await deployed();
  const running = await midSwap(project);
  running.child.kill('SIGINT');
  expect((await running.answer).code).toBe(130);
  await expectOnly(project, 'v1');
  expect(await onceFree(project, 'deploy', 'web', '--tag', 'v2')).toMatchObject({ code: 0 });
});

test('a run that was killed in mid-swap is resumed', async () => {
  const project = await deployed();
  await killed(await midSwap(project));
  expect(await onceFree(project, 'resume')).toMatchObject({ code: 0 });
  await expectOnly(project, 'v2');
});

test('a run that was killed in mid-swap can be resumed backwards', async () => {
  const project = await deployed();
  await killed(await midSwap(project));
  await onceFree(project, 'resume', '--revert');
  await expectOnly(project, 'v1');
});

test('a run that was killed and whose journal is lost is made good by the same command', async () => {
  const project = await deployed();
  await killed(await midSwap(project));
  await rm(join(project.folder, '.oneclick'), { recursive: true });
  expect(await onceFree(project, 'deploy', 'web', '--tag', 'v2')).toMatchObject({ code: 0 });
  await expectOnly(project, 'v2');
  await finished(project.start('rollback'));
  await expectOnly(project, 'v1');
});

test('a run that was killed cannot go on, forward or back, once another one has released', async () => {
  const project = await deployed();
  await killed(await midSwap(project));
  expect(await onceFree(project, 'deploy', 'web', '--tag', 'v3', '--batch', 'all')).toMatchObject({
    code: 0,
  });
  for (const argv of [['resume'], ['resume', '--revert']]) {
    const { code, stderr } = await project.run(...argv);
    expect([code, stderr]).toEqual([
      7,
      expect.stringMatching(/cannot be resumed: run [0-9a-f]{6} by \S+ has since released .*:v3/),
    ]);
  }
  await expectOnly(project, 'v3');
});

test('of two deploys at once one goes on, and the other names it', async () => {
  const project = await deployed();
  const first = await midSwap(project);
  const second = await project.run('deploy', 'web', '--tag', 'v3');
  expect(second.code).toBe(3);
  expect(second.stderr).toMatch(/@/);
  expect((await first.answer).code).toBe(0);
  await expectOnly(project, 'v2');
});

test('engines that restart run one container, after a deploy and after a rollback', async () => {
  const project = await deployed();
  const answered = () =>
    project.served().then(
      (machines) => machines.every((tags) => tags.length > 0),
      () => false,
    );
  await finished(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  await Promise.all(all.map((machine) => field.inside(machine, 'engine', 'restart')));
  await waitFor(answered);
  await expectOnly(project, 'v2');
  await finished(project.start('rollback', '--batch', 'all'));
  await Promise.all(all.map((machine) => field.inside(machine, 'engine', 'restart')));
  await waitFor(answered);
  await expectOnly(project, 'v1');
});

test('a client that was frozen while another deployed changes nothing when it wakes', async () => {
  const project = await deployed();
  const frozen = await midSwap(project);
  frozen.child.kill('SIGSTOP');
  const other = await project.run('deploy', 'web', '--tag', 'v3', '--batch', 'all', '--wait');
  expect(other).toMatchObject({ code: 0 });
  await expectOnly(project, 'v3');
  frozen.child.kill('SIGCONT');
  expect((await frozen.answer).code).not.toBe(0);
  await expectOnly(project, 'v3');
});

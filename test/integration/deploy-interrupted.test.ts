import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import {
  openSandbox,
  type Project,
  type RunningCommand,
  type Sandbox,
  slow,
  succeeds,
  waitFor,
} from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('interrupted');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

const everywhere = (tag: string) => [[tag], [tag], [tag]];
const all = [1, 2, 3];

/** A project that runs v1 on all hosts. Later versions answer after 3 s, so that a swap can be interrupted. */
async function deployed(): Promise<Project> {
  const project = await sandbox.newProject();
  await project.write({ web: slow(3) });
  await succeeds(project.start('deploy', '--batch', 'all'));
  return project;
}

/** Starts a deploy and waits until it is swapping on the first machine. */
async function midSwap(project: Project, tag = 'v2'): Promise<RunningCommand> {
  const running = project.start('deploy', 'web', '--tag', tag, '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes(tag));
  expect(running.child.exitCode).toBeNull();
  return running;
}

async function kill(running: RunningCommand): Promise<void> {
  running.child.kill('SIGKILL');
  await running.result;
}

/** Repeats a command until the lease of the killed run is free, for at most 15 s. */
async function retryUntilLeaseFree(project: Project, ...argv: readonly string[]) {
  let result = await project.run(...argv);
  await waitFor(async () => {
    if (result.code !== 3) return true;
    result = await project.run(...argv);
    return result.code !== 3;
  }, 15_000);
  return result;
}

/** Expects one running container per machine, and none that was never started. */
async function expectOnly(project: Project, tag: string): Promise<void> {
  expect(await project.served()).toEqual(everywhere(tag));
  for (const machine of all) {
    const states = await project.containers(machine);
    expect(states.filter((line) => line.endsWith(' running'))).toHaveLength(1);
    expect(states.filter((line) => line.endsWith(' created'))).toEqual([]);
  }
}

test('Ctrl-C during a swap undoes everything', async () => {
  const project = await deployed();
  const running = await midSwap(project);
  running.child.kill('SIGINT');
  expect((await running.result).code).toBe(130);
  await expectOnly(project, 'v1');
  expect(await retryUntilLeaseFree(project, 'deploy', 'web', '--tag', 'v2')).toMatchObject({ code: 0 });
});

test('a run killed during a swap is resumed', async () => {
  const project = await deployed();
  await kill(await midSwap(project));
  expect(await retryUntilLeaseFree(project, 'resume')).toMatchObject({ code: 0 });
  await expectOnly(project, 'v2');
});

test('a run killed during a swap is undone by resume --revert', async () => {
  const project = await deployed();
  await kill(await midSwap(project));
  await retryUntilLeaseFree(project, 'resume', '--revert');
  await expectOnly(project, 'v1');
});

test('a killed run without a journal is completed by the same command', async () => {
  const project = await deployed();
  await kill(await midSwap(project));
  await rm(join(project.folder, '.oneclick'), { recursive: true });
  expect(await retryUntilLeaseFree(project, 'deploy', 'web', '--tag', 'v2')).toMatchObject({ code: 0 });
  await expectOnly(project, 'v2');
  await succeeds(project.start('rollback'));
  await expectOnly(project, 'v1');
});

test('a killed run changes nothing after another deploy: it is not resumed, and an undo leaves the release', async () => {
  const project = await deployed();
  await kill(await midSwap(project));
  expect(await retryUntilLeaseFree(project, 'deploy', 'web', '--tag', 'v3', '--batch', 'all')).toMatchObject({
    code: 0,
  });
  const refused = await project.run('resume');
  expect([refused.code, refused.stderr]).toEqual([
    7,
    expect.stringMatching(/cannot be resumed: run [0-9a-f]{6} by \S+ has since released .*:v3/),
  ]);
  const [, ...advice] = /oneclick (resume) ([0-9a-f]{6}) (--revert)/.exec(refused.stderr) ?? [];
  const undone = await succeeds(project.start(...advice));
  expect(undone.stderr).toMatch(/sandbox-1: not undone: stop web release 1: run .* has since released .*:v3/);
  expect((await project.run('resume')).code).toBe(2);
  await expectOnly(project, 'v3');
});

test('a second simultaneous deploy is refused and names the first', async () => {
  const project = await deployed();
  const first = await midSwap(project);
  const second = await project.run('deploy', 'web', '--tag', 'v3');
  expect(second.code).toBe(3);
  expect(second.stderr).toMatch(/@/);
  expect((await first.result).code).toBe(0);
  await expectOnly(project, 'v2');
});

test('restarted engines run one container, after a deploy and after a rollback', async () => {
  const project = await deployed();
  const isServed = () =>
    project.served().then(
      (machines) => machines.every((tags) => tags.length > 0),
      () => false,
    );
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  await Promise.all(all.map((machine) => sandbox.inside(machine, 'engine', 'restart')));
  await waitFor(isServed);
  await expectOnly(project, 'v2');
  await succeeds(project.start('rollback', '--batch', 'all'));
  await Promise.all(all.map((machine) => sandbox.inside(machine, 'engine', 'restart')));
  await waitFor(isServed);
  await expectOnly(project, 'v1');
});

test('a client suspended during another deploy changes nothing when it resumes', async () => {
  const project = await deployed();
  const frozen = await midSwap(project);
  frozen.child.kill('SIGSTOP');
  const other = await project.run('deploy', 'web', '--tag', 'v3', '--batch', 'all', '--wait');
  expect(other).toMatchObject({ code: 0 });
  await expectOnly(project, 'v3');
  frozen.child.kill('SIGCONT');
  expect((await frozen.result).code).not.toBe(0);
  await expectOnly(project, 'v3');
});

import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Result, succeeds, waitFor } from '../integration/harness.js';

jest.setTimeout(240_000);

const sandbox = await openSandbox('lost');
const docker = (...argv: readonly string[]) => promisify(execFile)('docker', argv);

/** Starts the killed machine again, with the same address and disk. */
async function bringBack(): Promise<void> {
  await docker('start', sandbox.container(1));
  const isUp = () =>
    sandbox.inside(1, 'sh', '-c', 'docker ps -q && kill -0 "$(cat /run/sshd.pid)"').then(
      () => true,
      () => false,
    );
  await waitFor(isUp);
}

afterAll(async () => {
  await bringBack();
  await sandbox.clean();
  await sandbox.down();
});

/** Runs a command whose first machine is killed for good while the second one changes. */
async function killedDuring(project: Project, ...argv: readonly string[]): Promise<Result> {
  const trap = {
    at: 'event step.started container.stop/web/sandbox-2',
    run: ['docker', 'kill', sandbox.container(1)],
  };
  await writeFile(join(project.folder, 'trap'), JSON.stringify(trap));
  const result = await project.run(...argv);
  await rm(join(project.folder, 'trap'));
  return result;
}

/** The command after `before`, as arguments. */
function adviceAfter(before: RegExp, { stdout, stderr }: Result): readonly string[] {
  const [, command = ''] = new RegExp(`${before.source}oneclick ([a-z0-9 -]+)`).exec(stdout + stderr) ?? [];
  return command.trim().split(' ');
}

test('a machine that is killed for good during a deploy leaves the others as they were, and the printed commands work', async () => {
  const project = await sandbox.newProject({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'client-trap.mjs')}`,
    ONECLICK_TRAP: 'trap',
  });
  await project.write({ web: {} });
  await succeeds(project.start('deploy', '--batch', 'all'));

  const failed = await killedDuring(project, 'deploy', 'web', '--tag', 'v2', '--batch', '1');
  expect(failed.stderr).toMatch(/sandbox-1: not undone: .*\n/);
  expect(failed.stderr).toMatch(/some steps were not undone/);
  expect(failed.code).toBe(7);
  const others = [await project.serving(2), await project.serving(3)];
  expect(others).toEqual([['v1'], ['v1']]);

  const advice = adviceAfter(/ next +/, failed);
  expect(advice).toEqual(['resume', expect.anything(), '--revert']);
  expect(failed.stderr).toContain('(if it is gone for good, add --without sandbox-1)');
  const blocked = await project.run(...advice);
  expect(blocked.code).toBe(5);
  const without = adviceAfter(/if sandbox-1 is gone for good, run: /, blocked);
  expect(without).toEqual([...advice, '--without', 'sandbox-1']);
  const undone = await project.run(...without);
  expect(undone.stderr).toMatch(/✓ undone: deploy on .*\n.*not undone: sandbox-1 was left out\n$/);
  expect(undone.code).toBe(0);

  await bringBack();
  const status = await project.run('status');
  expect(status.stdout.replace(/\s+/g, ' ')).toMatch(
    /web on sandbox-1: runs release 2 of run \w+, which was never activated/,
  );
  await succeeds(project.start('deploy', '--batch', 'all'));
  expect(await project.served()).toEqual([['v1'], ['v1'], ['v1']]);
});

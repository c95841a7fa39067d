import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { machines, type Project, type Sandbox, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const past = new Date('2020-02-02T02:02:02Z');
let sandbox: Sandbox;
let project: Project;
const path = (...parts: readonly string[]) => join(project.folder, ...parts);
const cp = (...words: readonly string[]) => succeeds(project.start('cp', ...words));
const inside = async (...argv: readonly string[]) =>
  (await succeeds(project.start('exec', 'web', '--', ...argv))).stdout.trimEnd();

beforeAll(async () => {
  sandbox = await machines('cp', 2);
});
beforeEach(async () => {
  project = await sandbox.newProject();
  await project.write({ web: {} });
  await succeeds(project.start('deploy', '--batch', 'all'));
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** Creates a folder with modes, times, links and a long name. */
async function createTree(): Promise<void> {
  await mkdir(path('things/inner'), { recursive: true });
  await writeFile(path('things/inner/note'), 'hello');
  await chmod(path('things/inner/note'), 0o646);
  await writeFile(path('things', 'n'.repeat(200)), 'a long name');
  await symlink('inner/note', path('things/in'));
  await symlink('/etc/passwd', path('things/out'));
  await chmod(path('things/inner'), 0o750);
  for (const name of ['inner/note', 'inner', '.']) await utimes(path('things', name), past, past);
}

/** Lists names, types, modes, times and link targets in a folder. */
async function listTree(folder: string): Promise<string> {
  const { stdout } = await exec('find', ['.', '-printf', '%P %y %m %Ts %l\n'], { cwd: path(folder) });
  return stdout.split('\n').sort().join('\n');
}

test('a folder is copied to a container and back unchanged, and belongs to root there', async () => {
  await createTree();
  const into = await cp('things', 'web:/');
  expect(into.stdout).toBe('copied 2 files (16 B) to web on sandbox-1, /\n');
  expect(await inside('stat', '-c', '%a %u %g %Y', '/things/inner/note')).toBe(
    `646 0 0 ${past.getTime() / 1000}`,
  );
  expect(await inside('readlink', '/things/out')).toBe('/etc/passwd');
  await cp('web:/things', 'back');
  expect(await listTree('back')).toBe(await listTree('things'));
  await cp('web:/things/.', '.');
  expect(await readFile(path('inner/note'), 'utf8')).toBe('hello');
  await cp('web:/things/inner/note', 'renamed', '--json');
  expect(await readFile(path('renamed'), 'utf8')).toBe('hello');
});

test('cp uses the first instance, the named one, or all of them', async () => {
  await writeFile(path('note'), 'all');
  expect((await cp('note', 'web:/note', '--all')).stdout).toMatch(/^sandbox-1 +1 +3 B\nsandbox-2 +1 +3 B$/m);
  await writeFile(path('note'), 'second');
  await cp('note', 'web/2:/');
  await cp('web:/note', 'first');
  await cp('web:/note', 'second', '--host', 'sandbox-2');
  expect(await readFile(path('first'), 'utf8')).toBe('all');
  expect(await readFile(path('second'), 'utf8')).toBe('second');
});

test('a copy that cannot be done is refused with a reason', async () => {
  expect(await project.run('cp', 'web:/nothing', '.')).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('/nothing does not exist in web') },
  });
  expect(await project.run('cp', 'nothing', 'web:/')).toMatchObject({ code: 2 });
  expect(await project.run('cp', 'wep:/a', '.')).toMatchObject({
    ...{ code: 2, stderr: expect.stringContaining('did you mean web?') },
  });
  await writeFile(path('note'), '');
  expect(await project.run('cp', 'note', 'web:/no/such/folder')).toMatchObject({ code: 1 });
  await succeeds(project.start('stop', '--yes'));
  expect(await project.run('cp', 'note', 'web:/')).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('web is not running on sandbox-1') },
  });
});

/** Peak memory of a process, MB; polled until it exits. */
async function peakMemory(running: ReturnType<Project['start']>): Promise<number> {
  let most = 0;
  let ended = false;
  void running.result.then(() => {
    ended = true;
  });
  await waitFor(async () => {
    const status = await readFile(`/proc/${running.child.pid}/status`, 'utf8').catch(() => '');
    most = Math.max(most, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    return ended;
  }, 240_000);
  await succeeds(running);
  return most;
}

test('a gigabyte is copied both ways in bounded memory, and an interrupted copy leaves nothing', async () => {
  await writeFile(path('big'), 'begin');
  await truncate(path('big'), 1e9);
  const into = await peakMemory(project.start('cp', 'big', 'web:/big'));
  await rm(path('big'));
  const out = await peakMemory(project.start('cp', 'web:/big', 'big'));
  const { stdout } = await exec('stat', ['-c', '%s', path('big')]);
  expect(stdout).toBe('1000000000\n');
  expect(Math.max(into, out)).toBeLessThan(300);
  await mkdir(path('empty'));
  const interrupted = project.start('cp', 'web:/big', 'empty');
  await waitFor(async () => (await readdir(path('empty'))).length > 0);
  interrupted.child.kill('SIGINT');
  expect((await interrupted.result).code).toBe(130);
  expect(await readdir(path('empty'))).toEqual([]);
});

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
let folder: string;
let fleet: Fleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-run-'));
  fleet = new Fleet(3, { folder });
  fleet.push('web', 'v1');
});
afterEach(() => rm(folder, { recursive: true }));

it('names itself to its local and remote commands', async () => {
  await mkdir(join(folder, '.oneclick/recipes'), { recursive: true });
  const print = 'echo $ONECLICK_RUN $ONECLICK_RUN_PROJECT $ONECLICK_RUN_ENVIRONMENT';
  const steps = `steps:\n  - run: ${print} >run.txt\n  - remote: date\n`;
  await writeFile(join(folder, '.oneclick/recipes/note.yml'), `summary: Say it\nholds: hosts\n${steps}`);
  const remote: unknown[] = [];
  fleet.host('host-1').answers.unshift(({ argv, env }) => {
    if (argv[2] === 'date') remote.push(env);
    return undefined;
  });
  expect((await fleet.run('note', [web])).result).toBe('done');
  expect(await readFile(join(folder, 'run.txt'), 'utf8')).toBe('run-1 shop production\n');
  expect(remote).toMatchObject([{ ONECLICK_RUN: 'run-1', ONECLICK_RUN_ENVIRONMENT: 'production' }]);
});

it('cannot be resumed by a command that it started', async () => {
  await fleet.run('deploy', [web], {}, 8);
  fleet.variables = { ONECLICK_RUN: 'run-1', ONECLICK_RUN_PARENTS: '' };
  await expect(fleet.resume(false)).rejects.toMatchObject({
    ...{ kind: 'lease', code: 'lease.own' },
    message: 'this command was started by run run-1, which holds production; a run cannot resume itself',
    hint: 'run it after run run-1',
  });
  fleet.variables = {};
  expect(await fleet.resume(false)).toMatchObject({ report: { outcome: { result: 'done' } } });
});

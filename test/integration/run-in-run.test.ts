import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('inside');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

test('a command of a run that would wait for the run, end it or resume it is refused at once', async () => {
  const oneclick = `'${process.execPath}' '${join(import.meta.dirname, '../../bin/oneclick')}'`;
  const project = await sandbox.newProject({ ONECLICK_ENV: 'one' });
  await project.write({ web: {} }, { environments: { one: sandbox.environmentOf([1]) } });
  await succeeds(project.start('deploy'));
  const commands = ['restart --wait', 'lease take --yes', 'resume --wait', 'status'];
  const steps = commands.map((command) => {
    const [name] = command.split(' ');
    return `  - run: "${oneclick} ${command} >${name}.txt 2>&1; echo code $? >>${name}.txt"`;
  });
  const remote =
    '  - remote: echo $ONECLICK_RUN $ONECLICK_RUN_PROJECT $ONECLICK_RUN_ENVIRONMENT >/tmp/run.txt';
  const recipe = [
    'summary: Restart everything',
    'holds: hosts',
    'on-failure: stop',
    'steps:',
    ...steps,
    remote,
  ];
  await mkdir(join(project.folder, '.oneclick/recipes'), { recursive: true });
  await writeFile(join(project.folder, '.oneclick/recipes/night.yml'), recipe.join('\n'));
  await succeeds(project.start('run', 'night'));

  const [id, ...of] = (await sandbox.inside(1, 'cat', '/tmp/run.txt')).split(' ');
  expect(of).toEqual([project.name, 'one']);
  const printed = (name: string) => readFile(join(project.folder, `${name}.txt`), 'utf8');
  const started = `this command was started by run ${id}, which holds one;`;
  const restart = await printed('restart');
  expect(restart).toContain(`${started} it would wait for itself`);
  expect(restart).toContain(`use the step \`- recipe: restart\` instead, or run it after run ${id}`);
  expect(restart).toContain('code 3');
  expect(await printed('lease')).toMatch(new RegExp(`${started} it would end itself[^]*code 3`));
  expect(await printed('resume')).toMatch(new RegExp(`${started} a run cannot resume itself[^]*code 3`));
  expect(await printed('status')).toContain('code 0');
});

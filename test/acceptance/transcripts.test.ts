import { mkdir, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { machines, type Project, type Sandbox } from '../integration/harness.js';
import { savedTranscript, Transcript } from './transcript.js';

// What people see of every command. `UPDATE_TRANSCRIPTS=1` keeps what is seen now: read the difference before you commit it.

jest.setTimeout(300_000);

let sandbox: Sandbox;
let project: Project;

beforeAll(async () => {
  sandbox = await machines('transcripts');
});
afterEach(() => sandbox.wipe());
afterAll(() => sandbox.down());

async function newTranscript(on: readonly number[] = [1, 2, 3]): Promise<Transcript> {
  // Names as long as these everywhere, so that lines break at the same places.
  project = await sandbox.newProject({ ONECLICK_ENV: 'practice' });
  await project.write(
    { web: {} },
    { project: 'shop', environments: { practice: sandbox.environmentOf(on) } },
  );
  for (const machine of [1, 2, 3]) await sandbox.inside(machine, 'docker', 'image', 'prune', '-af');
  return new Transcript(project, {
    [`sandbox-${sandbox.name}`]: 'sandbox',
    [sandbox.name]: 'NAME',
    [project.env.XDG_STATE_HOME ?? 'no state']: '/state',
    [project.folder]: '/shop',
    [`${userInfo().username}@${hostname()}`]: 'ada@laptop',
  });
}

async function expectSaved(name: string, { text }: Transcript): Promise<void> {
  expect(text).toEqual(await savedTranscript(name, text));
}

test('the first release, the same again, the next one, one that fails, and the way back', async () => {
  const transcript = await newTranscript();
  await transcript.run('plan');
  await transcript.run('deploy');
  await transcript.run('deploy');
  await transcript.run('deploy', 'web', '--tag', 'v2');
  await transcript.run('status');
  await transcript.run('deploy', 'web', '--tag', 'broken', '--batch', '1');
  await transcript.run('rollback', '--dry-run');
  await transcript.run('rollback');
  await transcript.run('status', '--json');
  await expectSaved('releases', transcript);
});

test('the same on a terminal of 80 columns, where somebody is asked', async () => {
  // On several hosts it depends on their pace which lines are told as one.
  const transcript = await newTranscript([1]);
  await transcript.runOnTerminal('deploy');
  await transcript.runOnTerminal('deploy', 'web', '--tag', 'v2', '--plain');
  await transcript.runOnTerminal('deploy', 'web', '--tag', 'broken');
  await transcript.runOnTerminal('status');
  await transcript.runOnTerminal('releases');
  await expectSaved('terminal', transcript);
});

test('leases, runs and recipes of the project', async () => {
  const transcript = await newTranscript();
  await mkdir(join(project.folder, '.oneclick/recipes'), { recursive: true });
  const greet = [
    'summary: Greet every machine',
    'holds: hosts',
    'params:',
    '  name: { type: string, default: world }',
    'steps:',
    '  - run: echo hello {{ name }}',
    '  - remote: hostname',
    '',
  ];
  await writeFile(join(project.folder, '.oneclick/recipes/greet.yml'), greet.join('\n'));
  await transcript.run('recipe', 'list');
  await transcript.run('recipe', 'show', 'greet');
  await transcript.run('run', 'greet', '--set', 'name=ada');
  await transcript.run('recipe', 'eject', 'deploy');
  await transcript.run('lease');
  await transcript.run('lease', 'take', '--yes');
  await transcript.run('resume');
  await transcript.run('run', 'greet', '--set', 'nobody=ada');
  await expectSaved('project', transcript);
});

test('what is wrong with a command or a file, and what to type instead', async () => {
  const transcript = await newTranscript();
  await transcript.run('deplyo');
  await transcript.run('deploy', '--tga', 'v2');
  await transcript.run('deploy', 'wep');
  await transcript.run('deploy', '--only', 'sandbox-9');
  await transcript.run('deploy', '--env', 'nowhere');
  await transcript.run('deploy', '--env', 'practise');
  await transcript.run('--quiet', '--verbose', 'status');
  await transcript.run('rollback');
  await transcript.run('deploy', 'web', '--tag', 'missing');
  await project.write({ web: { prot: '80:80', health: { deadline: 'soon' } } });
  await transcript.run('plan');
  await expectSaved('mistakes', transcript);
});

test('the machines of the sandbox, which are there already', async () => {
  const transcript = await newTranscript();
  const named = ['--name', sandbox.name];
  await transcript.run('sandbox', 'up', '--machines', '3', ...named);
  await transcript.run('sandbox', 'status', ...named);
  await transcript.run('sandbox', 'status', '--json', ...named);
  await transcript.run('sandbox', 'down', '--name', 'nobodys');
  await expectSaved('sandbox', transcript);
});

test('the words of help, and the recipes that are shipped', async () => {
  const transcript = await newTranscript();
  for (const command of [
    [],
    ['deploy'],
    ['rollback'],
    ['plan'],
    ['status'],
    ['resume'],
    ['run'],
    ['sandbox', 'up'],
  ])
    await transcript.run(...command, '--help');
  await transcript.run('recipe', 'show', 'deploy', '--tasks');
  await expectSaved('help', transcript);
});

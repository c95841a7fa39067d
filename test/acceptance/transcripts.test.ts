import { mkdir, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { type Machines, machines, type Project } from '../integration/harness.js';
import { kept, Transcript } from './transcript.js';

// What people see of every command. `UPDATE_TRANSCRIPTS=1` keeps what is seen now: read the difference before you commit it.

jest.setTimeout(300_000);

let field: Machines;
let project: Project;

beforeAll(async () => {
  field = await machines('transcripts');
});
afterEach(() => field.wipe());
afterAll(() => field.down());

async function begin(on: readonly number[] = [1, 2, 3]): Promise<Transcript> {
  // Names as long as these everywhere, so that lines break at the same places.
  project = await field.project({ ONECLICK_ENV: 'practice' });
  await project.write({ web: {} }, { project: 'shop', environments: { practice: field.some(on) } });
  for (const machine of [1, 2, 3]) await field.inside(machine, 'docker', 'image', 'prune', '-af');
  return new Transcript(project, {
    [`sandbox-${field.sandbox}`]: 'sandbox',
    [field.sandbox]: 'NAME',
    [project.env.XDG_STATE_HOME ?? 'no state']: '/state',
    [project.folder]: '/shop',
    [`${userInfo().username}@${hostname()}`]: 'ada@laptop',
  });
}

async function isKept(name: string, { text }: Transcript): Promise<void> {
  expect(text).toEqual(await kept(name, text));
}

test('the first release, the same again, the next one, one that fails, and the way back', async () => {
  const screen = await begin();
  await screen.type('plan');
  await screen.type('deploy');
  await screen.type('deploy');
  await screen.type('deploy', 'web', '--tag', 'v2');
  await screen.type('status');
  await screen.type('deploy', 'web', '--tag', 'broken', '--batch', '1');
  await screen.type('rollback', '--dry-run');
  await screen.type('rollback');
  await screen.type('status', '--json');
  await isKept('releases', screen);
});

test('the same on a terminal of 80 columns, where somebody is asked', async () => {
  // On several hosts it depends on their pace which lines are told as one.
  const screen = await begin([1]);
  await screen.sit('deploy');
  await screen.sit('deploy', 'web', '--tag', 'v2', '--plain');
  await screen.sit('deploy', 'web', '--tag', 'broken');
  await screen.sit('status');
  await screen.sit('releases');
  await isKept('terminal', screen);
});

test('leases, runs and recipes of the project', async () => {
  const screen = await begin();
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
  await screen.type('recipe', 'list');
  await screen.type('recipe', 'show', 'greet');
  await screen.type('run', 'greet', '--set', 'name=ada');
  await screen.type('recipe', 'eject', 'deploy');
  await screen.type('lease');
  await screen.type('lease', 'take', '--yes');
  await screen.type('resume');
  await screen.type('run', 'greet', '--set', 'nobody=ada');
  await isKept('project', screen);
});

test('what is wrong with a command or a file, and what to type instead', async () => {
  const screen = await begin();
  await screen.type('deplyo');
  await screen.type('deploy', '--tga', 'v2');
  await screen.type('deploy', 'wep');
  await screen.type('deploy', '--only', 'sandbox-9');
  await screen.type('deploy', '--env', 'nowhere');
  await screen.type('deploy', '--env', 'practise');
  await screen.type('--quiet', '--verbose', 'status');
  await screen.type('rollback');
  await screen.type('deploy', 'web', '--tag', 'missing');
  await project.write({ web: { prot: '80:80', health: { deadline: 'soon' } } });
  await screen.type('plan');
  await isKept('mistakes', screen);
});

test('the machines of the sandbox, which are there already', async () => {
  const screen = await begin();
  const named = ['--name', field.sandbox];
  await screen.type('sandbox', 'up', '--machines', '3', ...named);
  await screen.type('sandbox', 'status', ...named);
  await screen.type('sandbox', 'status', '--json', ...named);
  await screen.type('sandbox', 'down', '--name', 'nobodys');
  await isKept('sandbox', screen);
});

test('the words of help, and the recipes that are shipped', async () => {
  const screen = await begin();
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
    await screen.type(...command, '--help');
  await screen.type('recipe', 'show', 'deploy', '--tasks');
  await isKept('help', screen);
});

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import ts from 'typescript';
import { z } from 'zod';
import { shippedRecipes } from '../../src/app/recipe-sources.js';
import { readVerifiedRecipes } from '../../src/app/verified-recipes.js';
import { verifyRecipes } from '../../src/recipe/load.js';
import { tasks } from '../../src/tasks/registry.js';
import { expectSettled } from './expect-settled.js';
import { finished, type Machines, machines } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const repository = join(import.meta.dirname, '../..');

let field: Machines;
let folder = '';
let oneclick = '';
let installed = '';
let seconds = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  field = await machines('install');
  folder = await mkdtemp(join(tmpdir(), 'oneclick-install-'));
  // What is built already: building it again would take it away from under the tests that run meanwhile.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await exec('npm', pack, { cwd: repository });
  const tarball = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  const install = ['install', '--global', '--prefix', folder, '--no-audit', '--no-fund'];
  const begun = performance.now();
  await exec('npm', [...install, tarball], { cwd: folder });
  seconds = (performance.now() - begun) / 1000;
  oneclick = join(folder, 'bin/oneclick');
  installed = join(folder, 'lib/node_modules/oneclick');
});
afterAll(async () => {
  await field.clean();
  await field.down();
  await rm(folder, { recursive: true, force: true });
});

test('the package is installed in less than 4 s, and takes less than 20 MB', async () => {
  const { stdout } = await exec('du', ['-sk', join(folder, 'lib')]);
  expect(Number.parseInt(stdout, 10) / 1024).toBeLessThan(20);
  expect(seconds).toBeLessThan(4);
});

test('the installed package imports nothing that it neither ships nor declares', async () => {
  const manifest = z
    .object({ dependencies: z.record(z.string(), z.string()).default({}) })
    .parse(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')));
  const declared = Object.keys(manifest.dependencies);
  const files = (await readdir(join(installed, 'dist'), { recursive: true })).filter((file) =>
    file.endsWith('.js'),
  );
  expect(files).toContain('cli/main.js');
  const undeclared: string[] = [];
  for (const file of files)
    for (const name of importsOf(await readFile(join(installed, 'dist', file), 'utf8')))
      if (!/^\.{1,2}\//.test(name) && !isBuiltin(name) && !declared.includes(packageOf(name)))
        undeclared.push(`${file} imports ${name}`);
  expect(undeclared).toEqual([]);
});

test('the installed package carries the licences of what is bundled into it', async () => {
  const licenses = await readFile(join(installed, 'dist/LICENSES.txt'), 'utf8');
  for (const name of ['@aws-sdk/client-ec2', '@smithy/core', 'ssh2', 'yaml', 'zod'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d.* \\(.+\\)$`, 'm'));
  expect(licenses).toContain('Apache License');
});

test('every command of the installed package shows its help', async () => {
  const shown: string[] = [];
  const show = async (...command: readonly string[]): Promise<void> => {
    const { stdout } = await exec(oneclick, [...command, '--help'], { cwd: folder });
    expect(stdout).toContain(`Usage: ${['oneclick', ...command].join(' ')}`);
    shown.push(command.join(' '));
    const [, listed = ''] = stdout.split('\nCommands:\n');
    for (const [, name = ''] of listed.matchAll(/^ {2}([a-z-]+)/gm))
      if (name !== 'help') await show(...command, name);
  };
  await show();
  expect(shown).toEqual(expect.arrayContaining(['deploy', 'lb tune', 'sandbox up', 'iam policy']));
});

test('the installed package says its version and lists the recipes that it ships, outside of any project', async () => {
  const { version } = JSON.parse(
    (await exec('npm', ['pkg', 'get', 'version', 'name'], { cwd: repository })).stdout,
  );
  expect((await exec(oneclick, ['--version'], { cwd: folder })).stdout).toContain(version);
  const { stdout } = await exec(oneclick, ['recipe', 'list'], { cwd: folder });
  for (const recipe of ['deploy', 'rollback', 'swap-plain']) expect(stdout).toContain(recipe);
});

test('the installed package has verified the recipes that it ships', async () => {
  const shipped = shippedRecipes({ packageDir: installed });
  expect(await readVerifiedRecipes({ packageDir: installed })).toEqual(await verifyRecipes([shipped], tasks));
});

test('the installed package deploys and rolls back', async () => {
  const project = await field.project({}, oneclick);
  await project.write({ web: {} });
  await finished(project.start('deploy'));
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  await expectSettled(field, project, ['v2', 'v2', 'v2']);
  await finished(project.start('rollback'));
  await expectSettled(field, project, ['v1', 'v1', 'v1']);
});

/** What a file of the bundle imports or requires, whenever that may be. */
function importsOf(text: string): readonly string[] {
  // That is what the bundler calls `require` in a module.
  const { importedFiles } = ts.preProcessFile(text.replaceAll('__require(', 'require('), true, true);
  return importedFiles.map(({ fileName }) => fileName);
}

/** `@aws-sdk/core` of `@aws-sdk/core/client`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

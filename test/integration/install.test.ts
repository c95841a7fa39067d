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
import { machines, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const repository = join(import.meta.dirname, '../..');

let sandbox: Sandbox;
let folder = '';
let oneclick = '';
let installed = '';
let seconds = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  sandbox = await machines('install');
  folder = await mkdtemp(join(tmpdir(), 'oneclick-install-'));
  // Uses the existing build, because other tests use it meanwhile.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await exec('npm', pack, { cwd: repository });
  const tarball = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  const install = ['install', '--global', '--prefix', folder, '--no-audit', '--no-fund'];
  const started = performance.now();
  await exec('npm', [...install, tarball], { cwd: folder });
  seconds = (performance.now() - started) / 1000;
  oneclick = join(folder, 'bin/oneclick');
  installed = join(folder, 'lib/node_modules/oneclick');
});
afterAll(async () => {
  await sandbox.clean();
  await sandbox.down();
  await rm(folder, { recursive: true, force: true });
});

test('the package installs in less than 4 s and takes less than 20 MB', async () => {
  const { stdout } = await exec('du', ['-sk', join(folder, 'lib')]);
  expect(Number.parseInt(stdout, 10) / 1024).toBeLessThan(20);
  expect(seconds).toBeLessThan(4);
});

test('the installed package imports only declared dependencies and its own files', async () => {
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

test('the installed package contains the licenses of bundled packages', async () => {
  const licenses = await readFile(join(installed, 'dist/LICENSES.txt'), 'utf8');
  for (const name of ['@aws-sdk/client-ec2', '@smithy/core', 'ssh2', 'yaml', 'zod'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d.* \\(.+\\)$`, 'm'));
  expect(licenses).toContain('Apache License');
});

test('every command of the installed package shows its help', async () => {
  const commands: string[] = [];
  const show = async (...command: readonly string[]): Promise<void> => {
    const { stdout } = await exec(oneclick, [...command, '--help'], { cwd: folder });
    expect(stdout).toContain(`Usage: ${['oneclick', ...command].join(' ')}`);
    commands.push(command.join(' '));
    const [, listed = ''] = stdout.split('\nCommands:\n');
    for (const [, name = ''] of listed.matchAll(/^ {2}([a-z-]+)/gm))
      if (name !== 'help') await show(...command, name);
  };
  await show();
  expect(commands).toEqual(expect.arrayContaining(['deploy', 'lb tune', 'sandbox up', 'iam policy']));
});

test('the installed package prints its version and lists its recipes outside a project', async () => {
  const { version } = JSON.parse(
    (await exec('npm', ['pkg', 'get', 'version', 'name'], { cwd: repository })).stdout,
  );
  expect((await exec(oneclick, ['--version'], { cwd: folder })).stdout).toContain(version);
  const { stdout } = await exec(oneclick, ['recipe', 'list'], { cwd: folder });
  for (const recipe of ['deploy', 'rollback', 'swap-plain']) expect(stdout).toContain(recipe);
});

test('the installed package contains the verification of its recipes', async () => {
  const shipped = shippedRecipes({ packageDir: installed });
  expect(await readVerifiedRecipes({ packageDir: installed })).toEqual(await verifyRecipes([shipped], tasks));
});

test('the installed package deploys and rolls back', async () => {
  const project = await sandbox.newProject({}, oneclick);
  await project.write({ web: {} });
  await succeeds(project.start('deploy'));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  await expectSettled(sandbox, project, ['v2', 'v2', 'v2']);
  await succeeds(project.start('rollback'));
  await expectSettled(sandbox, project, ['v1', 'v1', 'v1']);
});

/** The modules that a bundled file imports or requires. */
function importsOf(text: string): readonly string[] {
  // The bundler renames `require` to `__require`.
  const { importedFiles } = ts.preProcessFile(text.replaceAll('__require(', 'require('), true, true);
  return importedFiles.map(({ fileName }) => fileName);
}

/** Returns `@aws-sdk/core` for `@aws-sdk/core/client`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

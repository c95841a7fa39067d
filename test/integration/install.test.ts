import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
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

beforeAll(async () => {
  field = await machines('install');
  folder = await mkdtemp(join(tmpdir(), 'oneclick-install-'));
  // What is built already: building it again would take it away from under the tests that run meanwhile.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await exec('npm', pack, { cwd: repository });
  const tarball = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  // From npm's cache where it can: it was filled when the packages of the repository were installed.
  const install = ['install', '--global', '--prefix', folder, '--prefer-offline', '--no-audit', '--no-fund'];
  await exec('npm', [...install, tarball], { cwd: folder });
  oneclick = join(folder, 'bin/oneclick');
});
afterAll(async () => {
  await field.clean();
  await field.down();
  await rm(folder, { recursive: true, force: true });
});

test('the installed package says its version and lists the recipes that it ships, outside of any project', async () => {
  const { version } = JSON.parse(
    (await exec('npm', ['pkg', 'get', 'version', 'name'], { cwd: repository })).stdout,
  );
  expect((await exec(oneclick, ['--version'], { cwd: folder })).stdout).toContain(version);
  const { stdout } = await exec(oneclick, ['recipe', 'list'], { cwd: folder });
  for (const recipe of ['deploy', 'rollback', 'swap-plain']) expect(stdout).toContain(recipe);
});

test('the installed package vouches for the recipes that it ships', async () => {
  const packageDir = join(folder, 'lib/node_modules/oneclick');
  const shipped = shippedRecipes({ packageDir });
  expect(await readVerifiedRecipes({ packageDir })).toEqual(await verifyRecipes([shipped], tasks));
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

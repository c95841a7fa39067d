import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { localFiles } from '../../../src/config/files.js';
import { recipeFolder } from '../../../src/recipe/folder.js';

let folder = '';
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-files-'));
  await writeFile(at('there'), 'text');
  await writeFile(at('large'), '');
  await truncate(at('large'), 9 * 1024 * 1024);
  await symlink('/dev/zero', at('endless'));
  await mkdir(at('folder.yml'));
  await symlink(at('folder.yml'), at('recipe.yml'));
});
afterAll(() => rm(folder, { recursive: true }));

it('a configuration file is read, and a missing one is undefined', async () => {
  expect(await localFiles.read(at('there'))).toBe('text');
  expect(await localFiles.read(at('missing'))).toBeUndefined();
});

it('a device, a folder and a file that is too large are rejected', async () => {
  for (const [name, why] of [
    ['endless', 'not a file'],
    ['folder.yml', 'not a file'],
    ['large', 'larger than 8 MiB'],
  ] as const)
    await expect(localFiles.read(at(name))).rejects.toMatchObject({
      kind: 'usage',
      message: `cannot read ${at(name)}: ${why}`,
    });
});

it('an unreadable recipe is named', async () => {
  await expect(recipeFolder(folder).read('recipe')).rejects.toMatchObject({
    kind: 'usage',
    code: 'recipe.unreadable',
    message: expect.stringMatching(/^cannot read .*recipe\.yml: EISDIR$/),
  });
});

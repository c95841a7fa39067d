import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { runReader, runsDir } from '../../../src/app/runs.js';

let folder = '';
afterEach(() => rm(folder, { recursive: true, force: true }));

it('warns once of an unreadable journal and skips it', async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'));
  await mkdir(runsDir({ folder }), { recursive: true });
  await writeFile(join(runsDir({ folder }), 'abc123.jsonl'), 'no journal\n');
  const warnings: string[] = [];
  const read = runReader({ folder }, { warn: (text) => warnings.push(text) });
  expect(await read()).toEqual([]);
  expect(await read()).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(/^skipping run abc123: .*abc123\.jsonl:1/)]);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunEvent } from '../../../src/run/events.js';
import { journalPath, readRun } from '../../../src/run/journal.js';
import { resumeDirection } from '../../../src/run/resume.js';
import { tasks } from '../../../src/tasks/registry.js';
import { jsonLines } from '../../fakes/mutants.js';
import { testMutations } from '../../fakes/mutation-test.js';
import { at, Fleet, serviceOn } from './fleet.js';

let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-mutants-'));
  path = journalPath(folder, 'run');
});

afterAll(() => rm(folder, { recursive: true }));

const web = serviceOn('web', 8080, { count: 2, env: { GREETING: 'ä $(reboot)' } });
const api = serviceOn('api', 9090, { count: 1 });

const written = (events: readonly RunEvent[]) => jsonLines.print(events);

/** Journals of runs that succeeded, failed, or died at many places. */
async function journals(): Promise<Readonly<Record<string, string>>> {
  const fleet = new Fleet(2);
  for (const { name } of [web, api]) for (const tag of ['v1', 'v2']) fleet.push(name, tag);
  fleet.push('web', 'bad', { answers: 500 });
  const texts: Record<string, string> = {};
  const keep = (name: string) => {
    texts[name] = written(fleet.events);
  };
  expect(await fleet.deploy(web, api)).toMatchObject({ result: 'done' });
  keep('deploy');
  await fleet.deploy(at(web, 'bad'));
  keep('deploy that failed');
  for (const deaths of [4, 12, 20, 25]) {
    await fleet.run('deploy', [at(web, 'v2'), at(api, 'v2')], {}, deaths);
    keep(`deploy that died after ${deaths}`);
  }
  await fleet.deploy(at(web, 'v2'), at(api, 'v2'));
  keep('deploy of two');
  await fleet.run('rollback', [web, api], {}, 15);
  keep('rollback that died');
  return texts;
}

/** Everything that `resume` does before it connects to a host. */
async function read(text: string): Promise<void> {
  await writeFile(path, text);
  const { progress } = await readRun(path, tasks);
  for (const revert of [false, true]) {
    if (!progress.committed && !progress.committing) resumeDirection(progress, tasks, revert);
  }
}

/** The run is over, or another version wrote it: checked before damage. */
const ended = /run \S* has already ended|unknown task|the plan needs/;

describe('mutated journals', () => {
  it('are accepted, or refused with exit code 2 and the line, before any connection', async () => {
    const texts = await journals();
    for (const text of Object.values(texts)) {
      await writeFile(path, text);
      await expect(readRun(path, tasks)).resolves.toBeDefined();
    }
    const place = new RegExp(`^${path}:\\d+: |${ended.source}`);
    const refused = await testMutations({ texts, syntax: jsonLines, count: 2000, read, place });
    expect(refused).toBeGreaterThan(0.25);
  }, 600_000);
});

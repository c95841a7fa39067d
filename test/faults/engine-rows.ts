import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { finished, type Machines, type Project } from '../integration/harness.js';

const recipes = join(import.meta.dirname, '../../recipes');

/** What somebody does in the middle of a run. */
export interface Meddling {
  /** By default the plain swap. */
  readonly recipe?: string;
  /** The step before which it happens; by default before the run. */
  readonly step?: string;
  /** A line for the machine's shell, as root. */
  readonly line: (project: Project) => string;
}

/** A fault that a run meets on a machine, and what must be true afterwards. */
export interface Row {
  /** The name of the test. */
  readonly fault: string;
  /** Keys of the service, from the first deploy on. */
  readonly service?: object;
  /** Keys that come with the run that fails. */
  readonly change?: object;
  /** What the run is; by default a deploy of v2 over v1. A rollback is one from v2 to v1. */
  readonly run?: 'deploy' | 'rollback';
  readonly before?: Meddling;
  readonly code: number;
  /** The tag that serves afterwards; none where nothing may. */
  readonly serves?: string;
  /** What must be told. */
  readonly says?: readonly (string | RegExp)[];
  /** More that must be true. */
  readonly also?: (project: Project) => Promise<void>;
}

/** The tests of a table. After each run its project has one container that runs, none that never did, and no lease. */
export function faults(field: () => Machines, rows: readonly Row[]): void {
  test.each(rows.map((row) => [row.fault, row] as const))('%s', (_, row) => check(field(), row));
}

async function check(field: Machines, row: Row): Promise<void> {
  const project = await field.project();
  const service = { ...row.service };
  await project.write({ web: service });
  await finished(project.start('deploy'));
  if (row.run === 'rollback') await finished(project.start('deploy', 'web', '--tag', 'v2'));
  await project.write({ web: { ...service, ...row.change } });
  if (row.before !== undefined) await meddle(field, project, row.before);
  const answer = await project.run(
    ...(row.run === 'rollback' ? ['rollback'] : ['deploy', 'web', '--tag', 'v2']),
  );
  const told = answer.stdout + answer.stderr;
  for (const words of row.says ?? []) expect(told).toMatch(words);
  expect({ code: answer.code, told }).toMatchObject({ code: row.code });
  await expectServes(field, project, row.serves);
  await row.also?.(project);
}

/** One container runs, none was made in vain, and nobody holds the lease: asked of the machine, not of oneclick. */
export async function expectServes(
  field: Machines,
  project: Project,
  tag: string | undefined,
  machine = 1,
): Promise<void> {
  expect(await project.serving(machine)).toEqual(tag === undefined ? [] : [tag]);
  const states = await project.containers(machine);
  expect(states.filter((line) => line.endsWith(' running'))).toHaveLength(tag === undefined ? 0 : 1);
  expect(states.filter((line) => line.endsWith(' created'))).toEqual([]);
  const held = 'for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo "$lock is held"; done';
  expect(await field.inside(machine, 'sh', '-c', held)).toBe('');
}

/** Puts the fault into a recipe of the project, as one of its steps: it always comes at the same moment. */
export async function meddle(field: Machines, project: Project, before: Meddling): Promise<void> {
  const line = before.line(project);
  if (before.step === undefined) {
    await field.inside(1, 'sh', '-c', line);
    return;
  }
  const recipe = before.recipe ?? 'swap-plain';
  const shipped = await readFile(join(recipes, `${recipe}.yml`), 'utf8');
  const command = JSON.stringify(`docker exec ${field.container(1)} sh -c ${quoted(line)}`);
  const changed = shipped.replace(new RegExp(`^( *)- ${before.step}\\b`, 'm'), `$1- run: ${command}\n$&`);
  expect(changed).not.toBe(shipped);
  const folder = join(project.folder, '.oneclick/recipes');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${recipe}.yml`), changed);
}

const quoted = (line: string) => `'${line.replaceAll("'", `'\\''`)}'`;

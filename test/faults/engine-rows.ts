import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Project, type Sandbox, succeeds } from '../integration/harness.js';

const recipes = join(import.meta.dirname, '../../recipes');

/** A fault injected into a run. */
export interface Injection {
  /** Defaults to the plain swap. */
  readonly recipe?: string;
  /** Injected before this step; by default before the run. */
  readonly step?: string;
  /** A shell command, run as root on the machine. */
  readonly line: (project: Project) => string;
}

/** A fault on a machine, and the expected result. */
export interface Row {
  /** The name of the test. */
  readonly title: string;
  /** Keys of the service, from the first deploy. */
  readonly service?: object;
  /** Keys added for the run under test. */
  readonly change?: object;
  /** A deploy from v1 to v2 (default), or a rollback from v2 to v1. */
  readonly run?: 'deploy' | 'rollback';
  readonly inject?: Injection;
  readonly code: number;
  /** The tag that serves afterwards; undefined if none does. */
  readonly serves?: string;
  /** Expected in the output. */
  readonly prints?: readonly (string | RegExp)[];
  /** Checks more of the result. */
  readonly checkRow?: (project: Project) => Promise<void>;
}

/** Defines a test per row, which also expects one running container, none that was never started, and no lease. */
export function testFaults(sandbox: () => Sandbox, rows: readonly Row[]): void {
  test.each(rows.map((row) => [row.title, row] as const))('%s', (_, row) => check(sandbox(), row));
}

async function check(sandbox: Sandbox, row: Row): Promise<void> {
  const project = await sandbox.newProject();
  const service = { ...row.service };
  await project.write({ web: service });
  await succeeds(project.start('deploy'));
  if (row.run === 'rollback') await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  await project.write({ web: { ...service, ...row.change } });
  if (row.inject !== undefined) await injectFault(sandbox, project, row.inject);
  const result = await project.run(
    ...(row.run === 'rollback' ? ['rollback'] : ['deploy', 'web', '--tag', 'v2']),
  );
  const output = result.stdout + result.stderr;
  for (const words of row.prints ?? []) expect(output).toMatch(words);
  expect({ code: result.code, output }).toMatchObject({ code: row.code });
  await expectServes(sandbox, project, row.serves);
  await row.checkRow?.(project);
}

/** Expects one running container with this tag (or none), none that was never started, and no lease on the machine. */
export async function expectServes(
  sandbox: Sandbox,
  project: Project,
  tag: string | undefined,
  machine = 1,
): Promise<void> {
  expect(await project.serving(machine)).toEqual(tag === undefined ? [] : [tag]);
  const states = await project.containers(machine);
  expect(states.filter((line) => line.endsWith(' running'))).toHaveLength(tag === undefined ? 0 : 1);
  expect(states.filter((line) => line.endsWith(' created'))).toEqual([]);
  const held = 'for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo "$lock is held"; done';
  expect(await sandbox.inside(machine, 'sh', '-c', held)).toBe('');
}

/** Adds the fault as a step to the recipe of a project, so that it always comes at the same point. */
export async function injectFault(sandbox: Sandbox, project: Project, before: Injection): Promise<void> {
  const line = before.line(project);
  if (before.step === undefined) {
    await sandbox.inside(1, 'sh', '-c', line);
    return;
  }
  const recipe = before.recipe ?? 'swap-plain';
  const shipped = await readFile(join(recipes, `${recipe}.yml`), 'utf8');
  const command = JSON.stringify(`docker exec ${sandbox.container(1)} sh -c ${quoted(line)}`);
  const changed = shipped.replace(new RegExp(`^( *)- ${before.step}\\b`, 'm'), `$1- run: ${command}\n$&`);
  expect(changed).not.toBe(shipped);
  const folder = join(project.folder, '.oneclick/recipes');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${recipe}.yml`), changed);
}

const quoted = (line: string) => `'${line.replaceAll("'", `'\\''`)}'`;

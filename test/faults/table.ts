import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Distance } from '../bench/distance.js';
import { type Answer, finished, type Machines, type Project, waitFor } from '../integration/harness.js';

/** Something that goes wrong. */
export interface Fault {
  readonly name: string;
  /** The command that makes it so while the client stands still; without one the client is killed. */
  readonly strike?: (field: Machines) => readonly string[];
  /** By how much the clock of the client is wrong, ms. */
  readonly clock?: number;
  /** How long everything is under way to the machines, and back, ms. */
  readonly distance?: number;
  /** Ends it, once the client has given up or is done. */
  readonly heal?: (field: Machines) => Promise<unknown>;
}

/** A row of the matrix: a fault at a moment of a command, and what must be true afterwards. */
export interface Row {
  readonly fault: Fault;
  readonly command: 'deploy' | 'rollback';
  /** As client-trap.mjs names it; absent where the fault is there from the beginning. */
  readonly at?: string;
  /** What the command that was struck says. */
  readonly answer?: Ending;
  /** What is typed next: `again` is the same command, from a home without the journal. */
  readonly next?: 'resume' | 'again';
  /** How that ends, if not well. */
  readonly ends?: Ending;
  /** What every machine runs in the end: release 1, or what came after it, whichever version that is. */
  readonly serves: 'v1' | 'v2';
}

export interface Ending {
  /** The exit code is one of these; a client that was killed has none. */
  readonly codes: readonly (number | null)[];
  readonly says?: readonly RegExp[];
}

const where = ['--env', 'pair'] as const;
/** The numbers of the machines that a row is played on: two, so that one can be as it was and one changed. */
export const everyMachine = [1, 2] as const;
/** How long a lease may outlive its holder, ms. */
const leaseOutlives = 20_000;

/** How a row is called in a report. */
export function titleOf({ fault, command, at, next }: Row): string {
  const moment = at === undefined ? '' : ` at "${at}"`;
  return `${fault.name} in a ${command}${moment}${next === undefined ? '' : `, then ${next}`}`;
}

/**
 * All rows where ONECLICK_EXHAUSTIVE is set; else a few (ONECLICK_ROWS), evenly over them, from a place that ONECLICK_SEED
 * tells.
 */
export function chosen(rows: readonly Row[]): readonly { title: string; row: Row }[] {
  const few = Number(process.env.ONECLICK_ROWS ?? 4);
  const count = process.env.ONECLICK_EXHAUSTIVE === undefined ? Math.min(few, rows.length) : rows.length;
  const seed = Number(process.env.ONECLICK_SEED ?? 1);
  process.stderr.write(`${count} of ${rows.length} faults, seed ${seed}\n`);
  const step = rows.length / count;
  const picked = Array.from(
    { length: count },
    (_, index) => rows[Math.floor(index * step + ((seed * 7) % step))],
  );
  return inTurns(picked.filter((row) => row !== undefined)).map((row) => ({ title: titleOf(row), row }));
}

/** A deploy, a rollback and so on: each begins where the one before it ended. */
function inTurns(rows: readonly Row[]): readonly Row[] {
  const deploys = rows.filter(({ command }) => command === 'deploy');
  const rollbacks = rows.filter(({ command }) => command === 'rollback');
  return Array.from({ length: Math.max(deploys.length, rollbacks.length) }, (_, index) => [
    deploys[index],
    rollbacks[index],
  ]).flatMap((pair) => pair.filter((row) => row !== undefined));
}

/**
 * What rows are played on, one after the other: v1 is release 1, and a deploy brings the next version, which nobody has pulled
 * yet. A rollback goes back to release 1. So a row ends where a row of the other command begins.
 */
interface Course {
  readonly project: Project;
  /** Those that have not been deployed yet. */
  readonly versions: string[];
  /** How many releases were made current so far. */
  releases: number;
  runs: Row['serves'];
}

let course: Course | undefined;

/** Plays a row, and asks the engines what has come of it. */
export async function play(field: Machines, row: Row): Promise<void> {
  try {
    await played(field, row);
  } catch (error) {
    course = undefined;
    throw error;
  }
}

async function played(field: Machines, { fault, command, at, answer, next, ends, serves }: Row) {
  const on = await staged(field, command);
  const { project } = on;
  const wires = fault.distance === undefined ? [] : await putAway(field, project, fault.distance);
  const argv = argvOf(on, command);
  const struck = await trapped(project, { at, run: fault.strike?.(field), clock: fault.clock }, argv);
  await fault.heal?.(field);
  if (answer !== undefined) expectEnding(struck, answer);
  if (next === 'again') await rm(join(project.folder, '.oneclick'), { recursive: true, force: true });
  if (next !== undefined)
    expectEnding(await onceFree(project, next === 'again' ? argv : ['resume']), ends ?? { codes: [0] });
  await Promise.all(wires.map((wire) => wire.close()));
  if (wires.length > 0) await write(field, project);
  if (command === 'deploy' && serves === 'v2') brought(on);
  on.runs = serves;
  await expectSettled(field, on);
}

/** The moments of a deploy, and of the rollback after it, that nothing disturbs, in their order. */
export async function moments(field: Machines): Promise<Record<Row['command'], readonly string[]>> {
  const passed = async (command: Row['command']) => {
    const on = await staged(field, command);
    const trace = join(on.project.folder, command);
    expectEnding(await trapped(on.project, { trace }, argvOf(on, command)), { codes: [0] });
    if (command === 'deploy') brought(on);
    on.runs = command === 'deploy' ? 'v2' : 'v1';
    return (await readFile(trace, 'utf8')).trim().split('\n');
  };
  return { deploy: await passed('deploy'), rollback: await passed('rollback') };
}

const trapOf = (project: Project) => join(project.folder, 'trap');

function argvOf({ versions: [version = ''] }: Course, command: Row['command']): readonly string[] {
  return command === 'deploy' ? ['deploy', 'web', '--tag', version] : ['rollback', 'web'];
}

/** The next version has been deployed. */
function brought(on: Course): void {
  on.versions.shift();
  on.releases += 1;
}

/** Where a row of the command begins. */
async function staged(field: Machines, command: Row['command']): Promise<Course> {
  const needed = command === 'deploy' ? 'v1' : 'v2';
  const spent = course?.versions.length === 0 && (needed === 'v1' || course.runs === 'v1');
  const on = course === undefined || spent ? await begin(field) : course;
  course = on;
  if (on.runs === needed) return on;
  const other = needed === 'v1' ? 'rollback' : 'deploy';
  await finished(on.project.start(...argvOf(on, other), ...where, '--batch', 'all'));
  if (other === 'deploy') brought(on);
  on.runs = needed;
  return on;
}

/** A new project with v1 on both machines, which have no other image. */
async function begin(field: Machines): Promise<Course> {
  await field.clean();
  const versions = ['v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8'];
  for (const version of versions) await field.publish(version);
  for (const machine of everyMachine) await field.inside(machine, 'docker', 'image', 'prune', '-af');
  const project = await field.project({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'client-trap.mjs')}`,
    ONECLICK_TRAP: 'trap',
  });
  await write(field, project);
  await finished(project.start('deploy', ...where, '--batch', 'all'));
  return { project, versions, releases: 1, runs: 'v1' };
}

function write(field: Machines, project: Project): Promise<void> {
  return project.write(
    { web: { keep: 100 } },
    { environments: { pair: { hosts: pairOf(field), ssh: field.environment.ssh } } },
  );
}

const pairOf = ({ environment }: Machines) =>
  Object.fromEntries(Object.entries(environment.hosts).slice(0, everyMachine.length));

/** From now on the project reaches its machines by long wires. */
async function putAway(field: Machines, project: Project, distance: number): Promise<readonly Distance[]> {
  const far = await Promise.all(
    Object.entries(pairOf(field)).map(async ([name, host]) => {
      const wire = await Distance.to(host.address, host.port, distance);
      return { name, wire, host: { ...host, address: '127.0.0.1', port: wire.port } };
    }),
  );
  const hosts = Object.fromEntries(far.map(({ name, host }) => [name, host]));
  const ssh = { ...field.environment.ssh, known_hosts: 'known_hosts', host_keys: 'accept-new' };
  await project.write({ web: { keep: 100 } }, { environments: { pair: { hosts, ssh } } });
  return far.map(({ wire }) => wire);
}

async function trapped(project: Project, trap: object, argv: readonly string[]): Promise<Answer> {
  await writeFile(trapOf(project), JSON.stringify(trap));
  const answer = await project.run(...argv, ...where, '--batch', '1');
  await rm(trapOf(project));
  return answer;
}

/** Types a command until the lease of the client that died is free. */
async function onceFree(project: Project, argv: readonly string[]): Promise<Answer> {
  let answer: Answer | undefined;
  await waitFor(async () => {
    answer = await project.run(...argv, ...where);
    return answer.code !== 3;
  }, leaseOutlives);
  if (answer === undefined) throw new Error('nothing was typed');
  return answer;
}

function expectEnding({ code, stdout, stderr }: Answer, { codes, says = [] }: Ending): void {
  const told = stdout + stderr;
  if (!codes.includes(code)) throw new Error(`exit ${code}, not ${codes.join(' or ')}\n${told}`);
  for (const words of says) expect(told).toMatch(words);
}

/** One container serves on every machine and outlives a reboot, those kept do not, and nothing else is left. */
async function expectSettled(field: Machines, { project, releases, runs }: Course): Promise<void> {
  const newer = Array.from({ length: releases - 1 }, () => 'exited no v2');
  const kept = runs === 'v1' ? newer : ['exited no v1', ...newer.slice(1)];
  const settled = [...kept, `running unless-stopped ${runs}`];
  for (const machine of everyMachine) expect(await left(field, project, machine)).toEqual(settled);
}

/** What is on a machine, as its engine and its kernel say. */
async function left(field: Machines, project: Project, machine: number): Promise<readonly string[]> {
  const format =
    '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "oneclick.reference"}}';
  const script = `
    docker ps -aq --filter label=oneclick.project=${project.name} --filter label=oneclick.service | xargs -r docker inspect --format '${format}'
    ls /tmp | grep -v '^oneclick-[0-9a-f]*[.]lock$'
    for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo "held $lock"; done`;
  const lines = await field.inside(machine, 'sh', '-c', script);
  return lines
    .split('\n')
    .map((line) => line.replace(`${field.registry}/sample:`, '').replace(/v[2-9]$/, 'v2'))
    .sort();
}

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
  /** The version that every machine runs in the end. */
  readonly serves: 'v1' | 'v2';
}

export interface Ending {
  /** The exit code is one of these; a client that was killed has none. */
  readonly codes: readonly (number | null)[];
  readonly says?: readonly RegExp[];
}

const where = ['--env', 'pair'] as const;
const argvOf = { deploy: ['deploy', 'web', '--tag', 'v2'], rollback: ['rollback', 'web'] } as const;
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
  return Array.from({ length: count }, (_, index) => rows[Math.floor(index * step + ((seed * 7) % step))])
    .filter((row) => row !== undefined)
    .map((row) => ({ title: titleOf(row), row }));
}

/** Plays a row on a project of its own, and asks the engines what has come of it. */
export async function play(field: Machines, { fault, command, at, answer, next, ends, serves }: Row) {
  const project = await staged(field, command);
  const wires = fault.distance === undefined ? [] : await putAway(field, project, fault.distance);
  const struck = await trapped(project, { at, run: fault.strike?.(field), clock: fault.clock }, command);
  await fault.heal?.(field);
  if (answer !== undefined) expectEnding(struck, answer);
  if (next === 'again') await rm(join(project.folder, '.oneclick'), { recursive: true, force: true });
  if (next !== undefined)
    expectEnding(
      await onceFree(project, next === 'again' ? argvOf[command] : ['resume']),
      ends ?? { codes: [0] },
    );
  await Promise.all(wires.map((wire) => wire.close()));
  await expectSettled(field, project, command, serves);
}

/** The moments of a deploy, and of the rollback after it, that nothing disturbs, in their order. */
export async function moments(field: Machines): Promise<Record<Row['command'], readonly string[]>> {
  const project = await staged(field, 'deploy');
  const passed = async (command: Row['command']) => {
    const trace = join(project.folder, command);
    expectEnding(await trapped(project, { trace }, command), { codes: [0] });
    return (await readFile(trace, 'utf8')).trim().split('\n');
  };
  return { deploy: await passed('deploy'), rollback: await passed('rollback') };
}

const trapOf = (project: Project) => join(project.folder, 'trap');

/** A project with v1 on both machines, and v2 after it where a rollback is to come. */
async function staged(field: Machines, command: Row['command']): Promise<Project> {
  const project = await field.project({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'client-trap.mjs')}`,
    ONECLICK_TRAP: 'trap',
  });
  await project.write(
    { web: {} },
    { environments: { pair: { hosts: pairOf(field), ssh: field.environment.ssh } } },
  );
  await finished(project.start('deploy', ...where, '--batch', 'all'));
  if (command === 'rollback') await finished(project.start(...argvOf.deploy, ...where, '--batch', 'all'));
  // An image that is there already would not be pulled again.
  else
    await Promise.all(
      everyMachine.map((machine) => field.inside(machine, 'docker', 'image', 'prune', '-af')),
    );
  return project;
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
  await project.write({ web: {} }, { environments: { pair: { hosts, ssh } } });
  return far.map(({ wire }) => wire);
}

async function trapped(project: Project, trap: object, command: Row['command']): Promise<Answer> {
  await writeFile(trapOf(project), JSON.stringify(trap));
  const answer = await project.run(...argvOf[command], ...where, '--batch', '1');
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
async function expectSettled(
  field: Machines,
  project: Project,
  command: Row['command'],
  serves: Row['serves'],
) {
  const [none, one, two] = [[], ['exited no v1'], ['exited no v2']];
  const kept = { deploy: { v1: none, v2: one }, rollback: { v1: two, v2: one } };
  const settled = [...kept[command][serves], `running unless-stopped ${serves}`];
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
    .map((line) => line.replace(`${field.registry}/sample:`, ''))
    .sort();
}

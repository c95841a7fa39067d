import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { DelayProxy } from '../bench/delay-proxy.js';
import { type Project, type Result, type Sandbox, succeeds, waitFor } from '../integration/harness.js';

/** A fault. */
export interface Fault {
  readonly name: string;
  /** The command that injects it while the client is blocked; without one the client is killed. */
  readonly inject?: (sandbox: Sandbox) => readonly string[];
  /** Added to the clock of the client, ms. */
  readonly clockOffset?: number;
  /** Added network delay in each direction, ms. */
  readonly delay?: number;
  /** Removes the fault after the command. */
  readonly repair?: (sandbox: Sandbox) => Promise<unknown>;
}

/** A row of the matrix: a fault at a point of a command, and the expected result. */
export interface Row {
  readonly fault: Fault;
  readonly command: 'deploy' | 'rollback';
  /** A point of client-trap.mjs; undefined for faults that are present from the start. */
  readonly at?: string;
  /** The expected outcome of the command. */
  readonly outcome?: Outcome;
  /** The next command; `retry` is the same one, without the journal. */
  readonly next?: 'resume' | 'retry';
  /** The outcome of the next command; by default success. */
  readonly nextOutcome?: Outcome;
  /** The final release on all machines: `v1`, or `v2` for any later version. */
  readonly serves: 'v1' | 'v2';
}

export interface Outcome {
  /** The allowed exit codes; null if killed. */
  readonly codes: readonly (number | null)[];
  readonly prints?: readonly RegExp[];
}

const onPair = ['--env', 'pair'] as const;
/** Two machines, so that a fault can leave one changed and one unchanged. */
export const everyMachine = [1, 2] as const;
/** Maximum time until the lease of a dead client is free, ms. */
const leaseTimeout = 20_000;

/** Returns the test title of a row. */
export function titleOf({ fault, command, at, next }: Row): string {
  const point = at === undefined ? '' : ` at "${at}"`;
  const followUp =
    next === undefined ? '' : `, then ${next === 'retry' ? 'a retry without the journal' : next}`;
  return `${fault.name} during a ${command}${point}${followUp}`;
}

/** Returns all rows if ONECLICK_EXHAUSTIVE is set, else an even sample of ONECLICK_ROWS, offset by ONECLICK_SEED. */
export function selectRows(rows: readonly Row[]): readonly { title: string; row: Row }[] {
  const sampleSize = Number(process.env.ONECLICK_ROWS ?? 4);
  const count =
    process.env.ONECLICK_EXHAUSTIVE === undefined ? Math.min(sampleSize, rows.length) : rows.length;
  const seed = Number(process.env.ONECLICK_SEED ?? 1);
  process.stderr.write(`${count} of ${rows.length} faults, seed ${seed}\n`);
  const step = rows.length / count;
  const picked = Array.from(
    { length: count },
    (_, index) => rows[Math.floor(index * step + ((seed * 7) % step))],
  );
  return alternateCommands(picked.filter((row) => row !== undefined)).map((row) => ({
    title: titleOf(row),
    row,
  }));
}

/** Alternates deploys and rollbacks, because each starts from the result of the other. */
function alternateCommands(rows: readonly Row[]): readonly Row[] {
  const deploys = rows.filter(({ command }) => command === 'deploy');
  const rollbacks = rows.filter(({ command }) => command === 'rollback');
  return Array.from({ length: Math.max(deploys.length, rollbacks.length) }, (_, index) => [
    deploys[index],
    rollbacks[index],
  ]).flatMap((pair) => pair.filter((row) => row !== undefined));
}

/** A project that rows share: a deploy installs a version that no machine has pulled, a rollback returns to release 1. */
interface ProjectState {
  readonly project: Project;
  /** Versions not deployed yet. */
  readonly versions: string[];
  /** The number of releases activated so far. */
  releases: number;
  runs: Row['serves'];
}

let current: ProjectState | undefined;

/** Runs a row and checks the result on the machines. */
export async function checkRow(sandbox: Sandbox, row: Row): Promise<void> {
  try {
    await runRow(sandbox, row);
  } catch (error) {
    current = undefined;
    throw error;
  }
}

async function runRow(
  sandbox: Sandbox,
  { fault, command, at, outcome, next, nextOutcome = { codes: [0] }, serves }: Row,
) {
  const state = await prepare(sandbox, command);
  const { project } = state;
  const proxies = fault.delay === undefined ? [] : await addDelay(sandbox, project, fault.delay);
  const argv = commandLine(state, command);
  const result = await runTrapped(
    project,
    { at, run: fault.inject?.(sandbox), clock: fault.clockOffset },
    argv,
  );
  await fault.repair?.(sandbox);
  if (outcome !== undefined) expectOutcome(result, outcome);
  if (next === 'retry') await rm(join(project.folder, '.oneclick'), { recursive: true, force: true });
  if (next !== undefined)
    expectOutcome(await retryUntilLeaseFree(project, next === 'retry' ? argv : ['resume']), nextOutcome);
  await Promise.all(proxies.map((proxy) => proxy.close()));
  if (proxies.length > 0) await writeProject(sandbox, project);
  if (command === 'deploy' && serves === 'v2') countDeploy(state);
  state.runs = serves;
  await expectSettled(sandbox, state);
}

/** Returns all points of an undisturbed deploy and rollback, in order. */
export async function tracePoints(sandbox: Sandbox): Promise<Record<Row['command'], readonly string[]>> {
  const pointsOf = async (command: Row['command']) => {
    const state = await prepare(sandbox, command);
    const trace = join(state.project.folder, command);
    expectOutcome(await runTrapped(state.project, { trace }, commandLine(state, command)), { codes: [0] });
    if (command === 'deploy') countDeploy(state);
    state.runs = command === 'deploy' ? 'v2' : 'v1';
    return (await readFile(trace, 'utf8')).trim().split('\n');
  };
  return { deploy: await pointsOf('deploy'), rollback: await pointsOf('rollback') };
}

const trapFile = (project: Project) => join(project.folder, 'trap');

function commandLine({ versions: [version = ''] }: ProjectState, command: Row['command']): readonly string[] {
  return command === 'deploy' ? ['deploy', 'web', '--tag', version] : ['rollback', 'web'];
}

/** Records a deploy of the next version. */
function countDeploy(state: ProjectState): void {
  state.versions.shift();
  state.releases += 1;
}

/** Brings the project to the state in which the command starts. */
async function prepare(sandbox: Sandbox, command: Row['command']): Promise<ProjectState> {
  const needed = command === 'deploy' ? 'v1' : 'v2';
  const used = current?.versions.length === 0 && (needed === 'v1' || current.runs === 'v1');
  const state = current === undefined || used ? await createProject(sandbox) : current;
  current = state;
  if (state.runs === needed) return state;
  const other = needed === 'v1' ? 'rollback' : 'deploy';
  await succeeds(state.project.start(...commandLine(state, other), ...onPair, '--batch', 'all'));
  if (other === 'deploy') countDeploy(state);
  state.runs = needed;
  return state;
}

/** Creates a project with v1 on both machines, which have no other image. */
async function createProject(sandbox: Sandbox): Promise<ProjectState> {
  await sandbox.clean();
  const versions = ['v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8'];
  for (const version of versions) await sandbox.publish(version);
  for (const machine of everyMachine) await sandbox.inside(machine, 'docker', 'image', 'prune', '-af');
  const project = await sandbox.newProject({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'client-trap.mjs')}`,
    ONECLICK_TRAP: 'trap',
  });
  await writeProject(sandbox, project);
  await succeeds(project.start('deploy', ...onPair, '--batch', 'all'));
  return { project, versions, releases: 1, runs: 'v1' };
}

function writeProject(sandbox: Sandbox, project: Project): Promise<void> {
  return project.write(
    { web: { keep: 100 } },
    { environments: { pair: { hosts: pairOf(sandbox), ssh: sandbox.environment.ssh } } },
  );
}

const pairOf = ({ environment }: Sandbox) =>
  Object.fromEntries(Object.entries(environment.hosts).slice(0, everyMachine.length));

/** Connects the project to its machines through delaying proxies. */
async function addDelay(
  sandbox: Sandbox,
  project: Project,
  distance: number,
): Promise<readonly DelayProxy[]> {
  const delayed = await Promise.all(
    Object.entries(pairOf(sandbox)).map(async ([name, host]) => {
      const proxy = await DelayProxy.to(host.address, host.port, distance);
      return { name, proxy, host: { ...host, address: '127.0.0.1', port: proxy.port } };
    }),
  );
  const hosts = Object.fromEntries(delayed.map(({ name, host }) => [name, host]));
  const ssh = { ...sandbox.environment.ssh, known_hosts: 'known_hosts', host_keys: 'accept-new' };
  await project.write({ web: { keep: 100 } }, { environments: { pair: { hosts, ssh } } });
  return delayed.map(({ proxy }) => proxy);
}

async function runTrapped(project: Project, trap: object, argv: readonly string[]): Promise<Result> {
  await writeFile(trapFile(project), JSON.stringify(trap));
  const result = await project.run(...argv, ...onPair, '--batch', '1');
  await rm(trapFile(project));
  return result;
}

/** Repeats a command until the lease of the dead client is free. */
async function retryUntilLeaseFree(project: Project, argv: readonly string[]): Promise<Result> {
  let result: Result | undefined;
  await waitFor(async () => {
    result = await project.run(...argv, ...onPair);
    return result.code !== 3;
  }, leaseTimeout);
  if (result === undefined) throw new Error('no command was run');
  return result;
}

function expectOutcome({ code, stdout, stderr }: Result, { codes, prints = [] }: Outcome): void {
  const output = stdout + stderr;
  if (!codes.includes(code)) throw new Error(`exit ${code}, not ${codes.join(' or ')}\n${output}`);
  for (const words of prints) expect(output).toMatch(words);
}

/** Expects the serving container, the old ones with restart policy `no`, and nothing else but failed ones. */
async function expectSettled(sandbox: Sandbox, { project, releases, runs }: ProjectState): Promise<void> {
  const newer = Array.from({ length: releases - 1 }, () => 'exited no v2');
  const kept = runs === 'v1' ? newer : ['exited no v1', ...newer.slice(1)];
  const settled = [...kept, `running unless-stopped ${runs}`];
  for (const machine of everyMachine)
    expect(await inspectMachine(sandbox, project, machine)).toEqual(settled);
}

/** Lists containers, files in /tmp and held locks of a machine. */
async function inspectMachine(
  sandbox: Sandbox,
  project: Project,
  machine: number,
): Promise<readonly string[]> {
  const format =
    '{{.Name}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "oneclick.reference"}}';
  const script = `
    docker ps -aq --filter label=oneclick.project=${project.name} --filter label=oneclick.service | xargs -r docker inspect --format '${format}' | grep -v -- -failed- | cut -d ' ' -f 2-
    ls /tmp | grep -v '^oneclick-[0-9a-f]*[.]lock$'
    for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo "held $lock"; done`;
  const lines = await sandbox.inside(machine, 'sh', '-c', script);
  return lines
    .split('\n')
    .map((line) => line.replace(`${sandbox.registry}/sample:`, '').replace(/v[2-9]$/, 'v2'))
    .sort();
}

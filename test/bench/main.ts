/**
 * `npm run bench`: how fast oneclick is, beside what it is measured against. Its parts, all by default:
 *
 *     deploy     deploys to real machines by us and by the sticky note, in turns   --hosts 1,4,8 --pairs 9
 *                --far 40 (ms of added round trip, 0 for none)  --traffic both|yes|no
 *     memory     what a deploy to many hosts takes here                            --hosts (the most of them)
 *     chain      the longest chain of dependent calls to one host, and where the time of one deploy goes,
 *                at the first distance of --far
 *     balanced   deploys behind a load balancer, until they are live, and their calls   --hosts 1,4,8 --deploys 3
 *     startup    commands that touch no server, and a deploy before its first packet   --runs 15
 *     simulated  our own time for a host of many
 *
 * `--json FILE` keeps the figures. Everything that is started is taken down, after Ctrl-C too.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { balancedDeploys } from './balanced.js';
import { chains } from './chain.js';
import { deploys, memory } from './deploy.js';
import { type Figure, meetsTarget, tableOf } from './figures.js';
import type { Bench } from './process.js';
import { Sandbox } from './sandbox.js';
import { simulated } from './simulated.js';
import { startup } from './startup.js';

const parts = ['startup', 'simulated', 'chain', 'memory', 'deploy', 'balanced'] as const;
type Part = (typeof parts)[number];

interface Settings {
  readonly parts: readonly Part[];
  readonly hosts: readonly number[];
  readonly pairs: number;
  readonly runs: number;
  readonly deploys: number;
  readonly roundTrips: readonly number[];
  readonly traffic: readonly boolean[];
  readonly json: string | undefined;
}

function parseSettings(argv: readonly string[]): Settings {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      hosts: { type: 'string', default: '1,4,8' },
      pairs: { type: 'string', default: '9' },
      runs: { type: 'string', default: '15' },
      deploys: { type: 'string', default: '3' },
      far: { type: 'string', default: '0,40' },
      traffic: { type: 'string', default: 'both' },
      json: { type: 'string' },
    },
  });
  const unknown = positionals.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}: ${parts.join(', ')}`);
  const parseNumbers = (text: string) => text.split(',').map(Number);
  return {
    parts: parts.filter((part) => positionals.length === 0 || positionals.includes(part)),
    hosts: parseNumbers(values.hosts),
    pairs: Number(values.pairs),
    runs: Number(values.runs),
    deploys: Number(values.deploys),
    roundTrips: parseNumbers(values.far),
    traffic: values.traffic === 'both' ? [false, true] : [values.traffic === 'yes'],
    json: values.json,
  };
}

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function measure(bench: Bench, wanted: Settings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const has = (part: Part) => wanted.parts.includes(part);
  if (has('startup')) figures.push(...(await startup(bench, wanted.runs)));
  if (has('simulated')) figures.push(...(await simulated(bench, 3)));
  const needsHosts = has('memory') || has('deploy') || has('balanced');
  if (!has('chain') && !needsHosts) return figures;
  const most = needsHosts ? Math.max(...wanted.hosts) : 1;
  try {
    const sandbox = await Sandbox.up(bench, most);
    if (has('chain'))
      figures.push(...(await chains(bench, sandbox, { roundTrip: wanted.roundTrips[0] ?? 0, print })));
    if (has('memory')) figures.push(...(await memory(bench, sandbox, { hosts: most, runs: 3 })));
    if (has('deploy')) figures.push(...(await deploys(bench, sandbox, wanted)));
    if (has('balanced')) figures.push(...(await balancedDeploys(bench, sandbox, wanted)));
  } finally {
    bench.note('taking the machines down');
    await Sandbox.down(bench);
  }
  return figures;
}

async function main(): Promise<void> {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => abort.abort(new Error(`ended by ${signal}`)));
  const folder = await mkdtemp(join(tmpdir(), 'oneclick-bench-'));
  const bench: Bench = {
    signal: abort.signal,
    folder,
    env: { ...process.env, XDG_STATE_HOME: join(folder, 'state'), CI: '', GITHUB_ACTIONS: '' },
    note: (text) => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`),
  };
  try {
    const wanted = parseSettings(process.argv.slice(2));
    const figures = await measure(bench, wanted);
    print(`\n${tableOf(figures)}`);
    if (wanted.json !== undefined) await writeFile(wanted.json, `${JSON.stringify(figures, null, 2)}\n`);
    if (figures.some((figure) => meetsTarget(figure) === false)) process.exitCode = 1;
  } catch (error) {
    const cause = abort.signal.aborted ? abort.signal.reason : error;
    process.stderr.write(`${cause instanceof Error ? (cause.stack ?? cause.message) : cause}\n`);
    process.exitCode = 2;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();

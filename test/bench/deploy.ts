import { setTimeout as sleep } from 'node:timers/promises';
import { comparison, type Figure, single } from './figures.js';
import { type ProbeResult, Prober } from './prober.js';
import type { Bench } from './process.js';
import type { Sandbox } from './sandbox.js';
import { Setup } from './setup.js';

/** What to measure: every number of hosts at every distance, and nearby with traffic too. */
export interface DeployOptions {
  readonly hosts: readonly number[];
  readonly pairs: number;
  /** Round trips that are added to the network's own, in ms; 0 for none. */
  readonly roundTrips: readonly number[];
  readonly traffic: readonly boolean[];
}

/** One deploy. */
interface Measurement {
  /** Until the command has returned and every host has answered with the new version, in ms. */
  readonly wall: number;
  readonly seen: ProbeResult | undefined;
}

/** Times for a machine to calm down after what was prepared on it. ms */
const settleTime = 1000;

/** Deploys v1 -> v2 by us and by the sticky note, in turns. */
export async function deploys(bench: Bench, sandbox: Sandbox, options: DeployOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const roundTrip of options.roundTrips) {
    for (const hosts of options.hosts) {
      const setup = await Setup.of(bench, sandbox, hosts, roundTrip);
      try {
        for (const traffic of options.traffic) {
          // What a client sees does not depend on how far away the one who deploys is.
          if (traffic && roundTrip > 0) continue;
          const name = `${hosts} host${hosts === 1 ? '' : 's'}${traffic ? ', traffic' : ''}${roundTrip > 0 ? `, +${roundTrip} ms` : ''}`;
          figures.push(...(await compare(bench, sandbox, setup, { name, traffic, pairs: options.pairs })));
        }
      } finally {
        await setup.close();
      }
    }
  }
  return figures;
}

async function compare(
  bench: Bench,
  sandbox: Sandbox,
  setup: Setup,
  { name, traffic, pairs }: { name: string; traffic: boolean; pairs: number },
): Promise<Figure[]> {
  const ours: Measurement[] = [];
  const theirs: Measurement[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const tag = await sandbox.newVersion();
    const order = pair % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    for (const contestant of order) {
      await setup.reset(contestant);
      await sleep(settleTime, undefined, { signal: bench.signal });
      const measurement = await measure(setup, contestant, tag, traffic);
      (contestant === 'ours' ? ours : theirs).push(measurement);
    }
    bench.note(
      `${name}: ${pair + 1} of ${pairs}, ${describe(ours.at(-1))} against ${describe(theirs.at(-1))}`,
    );
  }
  const figures = [
    comparison(`deploy, ${name}`, 'ms', pairsOf(ours, theirs, wall), { of: 'ratio', most: 0.9 }),
  ];
  if (!traffic) return figures;
  const gap = ({ seen }: Measurement) => seen?.gap ?? 0;
  const failed = ({ seen }: Measurement) => seen?.failed ?? 0;
  return [
    ...figures,
    comparison(`  longest silence, ${name}`, 'ms', pairsOf(ours, theirs, gap), { of: 'ratio', most: 0.5 }),
    comparison(`  failed requests, ${name}`, '', pairsOf(ours, theirs, failed)),
  ];
}

const wall = (measurement: Measurement) => measurement.wall;
const describe = (measurement: Measurement | undefined) =>
  measurement === undefined
    ? ''
    : `${Math.round(measurement.wall)} ms${measurement.seen === undefined ? '' : ` (silent for ${Math.round(measurement.seen.gap)})`}`;

function pairsOf(
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  value: (measurement: Measurement) => number,
) {
  return ours.flatMap((measurement, index) => {
    const other = theirs[index];
    return other === undefined ? [] : [{ ours: value(measurement), theirs: value(other) }];
  });
}

async function measure(
  setup: Setup,
  contestant: 'ours' | 'theirs',
  tag: string,
  traffic: boolean,
): Promise<Measurement> {
  const [first] = setup.machines;
  const prober = traffic && first !== undefined ? new Prober(setup.url(first)) : undefined;
  try {
    if (prober !== undefined) await sleep(300);
    const start = performance.now();
    await (contestant === 'ours' ? setup.deploy(tag) : setup.note(tag));
    await setup.waitForVersion(tag);
    const wall = performance.now() - start;
    if (prober !== undefined) await sleep(200);
    return { wall, seen: prober?.stop() };
  } finally {
    prober?.stop();
  }
}

/** What a deploy to many hosts takes of the memory here. */
export async function memory(
  bench: Bench,
  sandbox: Sandbox,
  { hosts, runs }: { hosts: number; runs: number },
): Promise<Figure[]> {
  const setup = await Setup.of(bench, sandbox, hosts, 0);
  const used: number[] = [];
  const cpu: number[] = [];
  for (let done = 0; done < runs; done += 1) {
    await setup.reset('ours');
    const { usage } = await setup.deploy(await sandbox.newVersion(), true);
    if (usage === undefined) throw new Error('the deploy did not say what it used');
    used.push(usage.memory);
    cpu.push(usage.cpu);
    bench.note(`memory: ${done + 1} of ${runs}, ${Math.round(usage.memory)} MB`);
  }
  await setup.close();
  return [
    single(`memory of a deploy to ${hosts} hosts`, 'MB', used, 120),
    single(`  processor time of it`, 'ms', cpu),
  ];
}

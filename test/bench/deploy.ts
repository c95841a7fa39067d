import { setTimeout as sleep } from 'node:timers/promises';
import { Course } from './course.js';
import { alone, contest, type Figure } from './figures.js';
import type { Machines } from './machines.js';
import { Prober, type Seen } from './prober.js';
import type { Bench } from './process.js';

/** What to measure: every number of hosts at every distance, and nearby with traffic too. */
export interface DeployOptions {
  readonly hosts: readonly number[];
  readonly pairs: number;
  /** Round trips that are added to the network's own, in ms; 0 for none. */
  readonly roundTrips: readonly number[];
  readonly traffic: readonly boolean[];
}

/** One deploy. */
interface Race {
  /** Until the command has returned and every host has answered with the new version, in ms. */
  readonly wall: number;
  readonly seen: Seen | undefined;
}

/** Times for a machine to calm down after what was prepared on it. ms */
const calm = 1000;

/** Deploys v1 -> v2 by us and by the sticky note, in turns. */
export async function deploys(bench: Bench, sandbox: Machines, options: DeployOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const roundTrip of options.roundTrips) {
    for (const hosts of options.hosts) {
      const course = await Course.of(bench, sandbox, hosts, roundTrip);
      try {
        for (const traffic of options.traffic) {
          // What a client sees does not depend on how far away the one who deploys is.
          if (traffic && roundTrip > 0) continue;
          const name = `${hosts} host${hosts === 1 ? '' : 's'}${traffic ? ', traffic' : ''}${roundTrip > 0 ? `, +${roundTrip} ms` : ''}`;
          figures.push(...(await match(bench, sandbox, course, { name, traffic, pairs: options.pairs })));
        }
      } finally {
        await course.close();
      }
    }
  }
  return figures;
}

async function match(
  bench: Bench,
  sandbox: Machines,
  course: Course,
  { name, traffic, pairs }: { name: string; traffic: boolean; pairs: number },
): Promise<Figure[]> {
  const ours: Race[] = [];
  const theirs: Race[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const tag = await sandbox.newVersion();
    const order = pair % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    for (const contestant of order) {
      await course.ready(contestant);
      await sleep(calm, undefined, { signal: bench.signal });
      const race = await measure(course, contestant, tag, traffic);
      (contestant === 'ours' ? ours : theirs).push(race);
    }
    bench.note(`${name}: ${pair + 1} of ${pairs}, ${said(ours.at(-1))} against ${said(theirs.at(-1))}`);
  }
  const figures = [contest(`deploy, ${name}`, 'ms', pairsOf(ours, theirs, wall), { of: 'ratio', most: 0.9 })];
  if (!traffic) return figures;
  const gap = ({ seen }: Race) => seen?.gap ?? 0;
  const failed = ({ seen }: Race) => seen?.failed ?? 0;
  return [
    ...figures,
    contest(`  longest silence, ${name}`, 'ms', pairsOf(ours, theirs, gap), { of: 'ratio', most: 0.5 }),
    contest(`  failed requests, ${name}`, '', pairsOf(ours, theirs, failed)),
  ];
}

const wall = (race: Race) => race.wall;
const said = (race: Race | undefined) =>
  race === undefined
    ? ''
    : `${Math.round(race.wall)} ms${race.seen === undefined ? '' : ` (silent for ${Math.round(race.seen.gap)})`}`;

function pairsOf(ours: readonly Race[], theirs: readonly Race[], value: (race: Race) => number) {
  return ours.flatMap((race, index) => {
    const other = theirs[index];
    return other === undefined ? [] : [{ ours: value(race), theirs: value(other) }];
  });
}

async function measure(
  course: Course,
  contestant: 'ours' | 'theirs',
  tag: string,
  traffic: boolean,
): Promise<Race> {
  const [first] = course.machines;
  const prober = traffic && first !== undefined ? new Prober(course.url(first)) : undefined;
  try {
    if (prober !== undefined) await sleep(300);
    const start = performance.now();
    await (contestant === 'ours' ? course.deploy(tag) : course.note(tag));
    await course.answers(tag);
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
  sandbox: Machines,
  { hosts, runs }: { hosts: number; runs: number },
): Promise<Figure[]> {
  const course = await Course.of(bench, sandbox, hosts, 0);
  const used: number[] = [];
  const cpu: number[] = [];
  for (let done = 0; done < runs; done += 1) {
    await course.ready('ours');
    const { usage } = await course.deploy(await sandbox.newVersion(), true);
    if (usage === undefined) throw new Error('the deploy did not say what it used');
    used.push(usage.memory);
    cpu.push(usage.cpu);
    bench.note(`memory: ${done + 1} of ${runs}, ${Math.round(usage.memory)} MB`);
  }
  await course.close();
  return [
    alone(`memory of a deploy to ${hosts} hosts`, 'MB', used, 120),
    alone(`  processor time of it`, 'ms', cpu),
  ];
}

import { join } from 'node:path';
import { selectServices } from '../../src/app/choose-services.js';
import { runRecipe } from '../../src/app/run-recipe.js';
import { openSession } from '../../src/app/session.js';
import { listenForInterrupts } from '../../src/cli/interrupts.js';
import { processContext } from '../../src/cli/process.js';
import { Redaction } from '../../src/domain/redact.js';
import { openReporter } from '../../src/report/open-reporter.js';
import type { RunEvent } from '../../src/run/events.js';
import { BufferOutput } from '../fakes/output.js';
import { type Call, longestChain, recordCalls, StrictClock } from './calls.js';
import { type Figure, single } from './figures.js';
import { type Bench, root } from './process.js';
import type { Sandbox } from './sandbox.js';
import { Setup } from './setup.js';

/** A part of a run; ms from its start. */
interface Phase {
  readonly name: string;
  readonly began: number;
  readonly ended: number;
}

/** What was seen of one run. */
interface RunTrace {
  readonly chain: readonly Call[];
  readonly phases: readonly Phase[];
}

/** The longest chain of dependent calls to one host, of a deploy and of the rollback after it, and where their time goes. */
export async function chains(
  bench: Bench,
  sandbox: Sandbox,
  { roundTrip, print }: { roundTrip: number; print: (text: string) => void },
): Promise<Figure[]> {
  const setup = await Setup.of(bench, sandbox, 1, roundTrip);
  await setup.reset('ours');
  const tag = await sandbox.newVersion();
  const deploy = await traceRun(bench, setup, 'deploy', tag);
  await setup.waitForVersion(tag);
  const rollback = await traceRun(bench, setup, 'rollback');
  await setup.waitForVersion('v1');
  await setup.close();
  for (const [name, { chain, phases }] of Object.entries({ deploy, rollback })) {
    print(`\n${name} to one host, in this process: start, duration (ms) and name of each part`);
    for (const { began, ended, name: part } of phases) print(`${columns(began, ended)}  ${part}`);
    print(`${name}: the longest chain of calls that waited for each other`);
    for (const { began, ended, kind, what } of chain)
      print(`${columns(began, ended)}  ${kind.padEnd(7)} ${what.split('\n')[0]?.slice(0, 80)}`);
  }
  return [
    single('longest chain of calls, deploy', '', [deploy.chain.length], 12),
    single('longest chain of calls, rollback', '', [rollback.chain.length], 6),
  ];
}

const columns = (began: number, ended: number) =>
  `${began.toFixed(0).padStart(7)} ${(ended - began).toFixed(1).padStart(8)}`;

/** Runs a recipe in this process as the command does, and watches. */
async function traceRun(
  bench: Bench,
  setup: Setup,
  recipe: 'deploy' | 'rollback',
  tag?: string,
): Promise<RunTrace> {
  const clock = new StrictClock();
  const calls: Call[] = [];
  const events: { readonly event: RunEvent; readonly at: number }[] = [];
  const context = {
    ...processContext(new Redaction()),
    ...{ cwd: setup.folder, env: bench.env, packageDir: root },
    stateDir: join(bench.env.XDG_STATE_HOME ?? '', 'oneclick'),
    configDir: join(bench.folder, 'config'),
  };
  const output = new BufferOutput();
  const reporter = {
    ...(await openReporter({ output, clock: context.clock, mode: 'plain', env: {} })),
    event: (event: RunEvent) => void events.push({ event, at: clock.now() }),
  };
  const stopRecording = recordCalls(setup.machines[0]?.name ?? '', clock, calls);
  const start = clock.now();
  try {
    const session = await openSession(context, reporter, { env: setup.environment });
    const chosen = { services: ['web'], only: [], images: [], ...(tag === undefined ? {} : { tag }) };
    const result = await runRecipe(session, {
      ...{ recipe, services: selectServices(session.environment.services, chosen) },
      ...{ untouchedHosts: [], params: { batch: 'all' }, wait: false },
      interrupts: () => listenForInterrupts(context.clock),
    });
    if (result.kind !== 'ran' || result.report.outcome.exitCode !== 0)
      throw new Error(`${recipe} failed\n${output.stderr.text}`);
  } finally {
    stopRecording();
  }
  const end = clock.now();
  const since = <T extends Phase>(part: T): T => ({
    ...part,
    began: part.began - start,
    ended: part.ended - start,
  });
  const phases = [...phasesAroundSteps(start, end, calls, events), ...stepPhases(events)].sort(
    (a, b) => a.began - b.began,
  );
  return {
    chain: longestChain(calls).map((call) => since({ ...call, name: '' })),
    phases: phases.map(since),
  };
}

type Events = readonly { readonly event: RunEvent; readonly at: number }[];

/** What comes before the steps of a run and after them, told by its calls and events. */
function phasesAroundSteps(
  start: number,
  end: number,
  calls: readonly Call[],
  events: Events,
): readonly Phase[] {
  const first = (kind: Call['kind']) => calls.find((call) => call.kind === kind);
  const at = (type: RunEvent['type']) => events.find(({ event }) => event.type === type)?.at ?? end;
  const connect = first('connect');
  const lease = first('hold');
  const started = at('run.started');
  if (connect === undefined || lease === undefined) return [];
  const later = calls.filter(({ kind, began }) => kind === 'engine' && began > lease.ended);
  const refreshed = Math.min(started, ...later.map(({ began }) => began));
  return [
    { name: 'configuration, recipe, imports', began: start, ended: connect.began },
    { name: 'connect', began: connect.began, ended: connect.ended },
    { name: 'facts before the lease', began: connect.ended, ended: lease.began },
    { name: 'lease', began: lease.began, ended: refreshed },
    { name: 'facts under the lease', began: refreshed, ended: started },
    { name: 'release the lease, close', began: at('run.ended'), ended: end },
  ];
}

function stepPhases(events: Events): readonly Phase[] {
  const started = new Map<string, number>();
  return events.flatMap(({ event, at }) => {
    if (event.type === 'step.started') started.set(event.step, at);
    const began = event.type === 'step.done' ? started.get(event.step) : undefined;
    if (event.type !== 'step.done' || began === undefined) return [];
    return [{ name: event.step, began, ended: at }];
  });
}

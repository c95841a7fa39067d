import { timeOfDay } from '../domain/clock.js';
import type { Facts } from '../domain/facts.js';
import type { Failure } from '../domain/failure.js';
import { parentRuns } from '../domain/parent-run.js';
import { HostLeases } from '../host/lease/lease.js';
import type { Interrupts } from '../run/cancellation.js';
import type { Outcome, RunEvent } from '../run/events.js';
import type { Plan } from '../run/plan.js';
import type { Leases } from '../run/ports.js';
import type { RunPorts } from '../run/run.js';
import { tasks } from '../tasks/registry.js';
import type { Ports } from '../tasks/task.js';
import type { ConnectedEnvironment } from './connect.js';
import { readFactsFor } from './plan-facts.js';
import { RegistryLeases } from './registry-leases.js';
import { ReportBuilder, type RunReport } from './run-report.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

/** How long `--wait` waits for a lease, ms. */
const leaseTimeout = 30 * 60_000;

/** Starts listening for signals; `stop` is called when the run has ended. */
export type OpenInterrupts = () => Interrupts & { stop(): void };

/** One execution of a plan. */
export interface Execution {
  readonly plan: Plan;
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  readonly interrupts: OpenInterrupts;
  /** The events of a run that is resumed. */
  readonly earlier?: readonly RunEvent[];
  /** Default: {@link readFactsFor} the plan. */
  readonly readFacts?: () => Promise<Facts>;
}

/** Wires journal, lease, signals and events into a run; returns its report. */
export async function executeRun(
  session: Session,
  connected: ConnectedEnvironment,
  { plan, wait, interrupts: open, earlier = [], readFacts = () => readFactsFor(connected, plan) }: Execution,
  run: (ports: RunPorts<Facts, Ports>, report: ReportBuilder) => Promise<Outcome>,
): Promise<RunReport> {
  const { context, listener, project } = session;
  const { redact } = context.redaction;
  const journal = await context.adapters.openJournal(runsDir(project), plan.run.id, redact);
  const interrupts = open();
  const report = new ReportBuilder(plan, context.clock);
  for (const event of earlier) report.replay(event);
  try {
    const ports = {
      registry: tasks,
      ports: connected.ports,
      clock: context.clock,
      journal,
      leases: openLeases(session, connected, wait),
      emit: (event: RunEvent) => {
        listener.event(event);
        report.record(event);
      },
      readFacts,
      cancel: interrupts.cancel,
      abandon: interrupts.abandon,
    };
    const outcome = await run(ports, report);
    return await report.build(outcome, connected);
  } finally {
    interrupts.stop();
    await journal.close();
  }
}

/** Leases on the hosts; a wait reports the holder and the timeout. */
function openLeases(
  { context, listener }: Session,
  { hosts, transfer }: ConnectedEnvironment,
  wait: boolean,
): Leases {
  const { clock, random } = context;
  let reported = '';
  let done = () => {};
  const until = timeOfDay(new Date(clock.now().getTime() + leaseTimeout));
  const onBusy = ({ message }: Failure) => {
    if (message === reported) return;
    reported = message;
    done();
    done = listener.busy(`waiting for the lease: ${message} (timeout ${until})`);
  };
  const parents = parentRuns(context.env);
  const options = { clock, random, parents, ...(wait ? { wait: { deadline: leaseTimeout, onBusy } } : {}) };
  const hostLeases = new HostLeases(hosts.connected, options);
  const own: Leases = { take: (run) => hostLeases.take(run).finally(() => done()) };
  return transfer === undefined ? own : new RegistryLeases(own, hosts.connected, transfer, listener);
}

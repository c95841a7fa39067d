import { timeOfDay } from '../domain/clock.js';
import type { Facts } from '../domain/facts.js';
import type { Failure } from '../domain/failure.js';
import type { Outcome } from '../engine/events.js';
import { FileJournal } from '../engine/journal.js';
import type { Plan } from '../engine/plan.js';
import type { Leases } from '../engine/ports.js';
import type { RunPorts } from '../engine/run.js';
import { HostLeases } from '../host/lease.js';
import { tasks } from '../tasks/registry.js';
import type { World } from '../tasks/world.js';
import { Ending } from './ending.js';
import type { Field } from './field.js';
import { listenForInterrupts } from './interrupts.js';
import { LendingLeases } from './lending.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

/** How long `--wait` waits for a lease. ms */
const patience = 30 * 60_000;

/** Lends a run everything of this process that it needs, tells how it ended, and gives the exit code. */
export async function carry(
  session: Session,
  field: Field,
  plan: Plan,
  wait: boolean,
  run: (ports: RunPorts<Facts, World>) => Promise<Outcome>,
): Promise<number> {
  const { edge, reporter, project } = session;
  const journal = new FileJournal(runsDir(project), plan.run.id, edge.redaction.redact);
  const interrupts = listenForInterrupts(edge.clock);
  const ending = new Ending(session, field, plan);
  const started = edge.clock.monotonic();
  try {
    const outcome = await run({
      registry: tasks,
      world: field.world,
      clock: edge.clock,
      journal,
      leases: leases(session, field, wait),
      emit: (event) => {
        reporter.event(event);
        ending.take(event);
      },
      readFacts: field.facts,
      cancel: interrupts.cancel,
      abandon: interrupts.abandon,
    });
    await ending.tell(outcome, edge.clock.monotonic() - started);
    return outcome.exitCode;
  } finally {
    interrupts.stop();
    await journal.close();
  }
}

/** Leases on the hosts; while others hold them, who does is said, and until when they are waited for. */
function leases({ edge, reporter }: Session, { hosts, shipment }: Field, wait: boolean): Leases {
  const { clock, random } = edge;
  let said = '';
  let done = () => {};
  const until = timeOfDay(new Date(clock.now().getTime() + patience));
  const onBusy = ({ message }: Failure) => {
    if (message === said) return;
    said = message;
    done();
    done = reporter.busy(`waits until ${until}: ${message}`);
  };
  const options = { clock, random, ...(wait ? { wait: { deadline: patience, onBusy } } : {}) };
  const held = new HostLeases(hosts.connected, options);
  const own: Leases = { take: (run) => held.take(run).finally(() => done()) };
  return shipment === undefined ? own : new LendingLeases(own, hosts.connected, shipment, reporter);
}

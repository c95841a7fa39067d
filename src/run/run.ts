import { unlessAborted } from '../domain/abort.js';
import { Blocked, Failure } from '../domain/failure.js';
import { signalName } from './cancellation.js';
import { requireKnownTasks } from './check-task.js';
import { type Difference, difference } from './difference.js';
import type { Outcome, RunEvent } from './events.js';
import { type ExecutionPorts, execute } from './execute.js';
import type { Plan } from './plan.js';
import type { Lease, Leases } from './ports.js';
import { type Preview, preview } from './preview.js';
import { cancelledFailure, Progress } from './progress.js';
import { resumeDirection } from './resume.js';

/** What every run needs. */
export interface RunPorts<Facts, Ports> extends Omit<ExecutionPorts<Facts, Ports>, 'lease'> {
  readonly leases: Leases;
}

/** A plan to be run from its beginning. */
export interface RunRequest<Facts, Ports> extends RunPorts<Facts, Ports> {
  readonly plan: Plan;
  /** What the person said yes to. */
  readonly confirmed?: Preview;
  /** Whether the plan may run though it is no longer the confirmed one. It cannot ask: the lease is held. */
  readonly accept?: (difference: Difference) => boolean;
  /** Hears of the plan that is about to run. */
  readonly onPlanned?: (preview: Preview) => void;
}

/** A run to be gone on with, told by its journal. */
export interface ResumeRequest<Facts, Ports> extends RunPorts<Facts, Ports> {
  readonly events: readonly RunEvent[];
  /** Why the run cannot go on where others have acted since. */
  readonly overtaken?: (facts: Facts) => Failure | undefined;
  /** Take it back instead of going on. */
  readonly revert: boolean;
}

/** The plan under the lease is not the one that was confirmed. */
export class PlanChanged extends Failure {
  readonly difference: Difference;
  /** What the plan comes to now. */
  readonly now: Preview;

  constructor(difference: Difference, now: Preview) {
    super('lease', 'plan.changed', 'the servers have changed since the plan was confirmed', {
      evidence: difference.map(({ title }) => title),
      hint: 'run the command again',
    });
    this.difference = difference;
    this.now = now;
  }
}

/**
 * The whole life of a run: takes the lease, reads the facts, compares the plan with the confirmed one,
 * executes, gives the lease back. Rejects with a {@link Failure} only while nothing has been changed or journaled:
 * the lease is held by others, the facts cannot be read, the plan has changed ({@link PlanChanged}) or is
 * blocked, the run is cancelled. From `run.started` on it always resolves, and the events tell all.
 */
export function startRun<Facts, Ports>(request: RunRequest<Facts, Ports>): Promise<Outcome> {
  const { plan } = request;
  return withLease(request, plan, async (lease) => {
    requireKnownTasks(plan, request.registry);
    const facts = await unlessInterrupted(request, request.readFacts());
    const now = preview(plan, facts, request.registry);
    confirm(request, now);
    request.onPlanned?.(now);
    const started: RunEvent = { type: 'run.started', at: request.clock.now().toISOString(), plan };
    const ports = { ...request, lease, readFacts: async () => facts };
    return execute(ports, new Progress(plan), started);
  });
}

/**
 * Goes on with a run that another process has left: steps with receipts are not repeated, steps in flight are
 * applied again with their intents, then the facts are read. Rejects as {@link startRun} does, and with the
 * failures of {@link resumeDirection} and of `overtaken`.
 */
export async function resumeRun<Facts, Ports>(request: ResumeRequest<Facts, Ports>): Promise<Outcome> {
  const progress = Progress.of(request.events);
  const direction = resumeDirection(progress, request.registry, request.revert);
  return withLease(request, progress.plan, async (lease) => {
    const overtaken = request.overtaken?.(await unlessInterrupted(request, request.readFacts()));
    if (overtaken !== undefined) throw overtaken;
    const at = request.clock.now().toISOString();
    return execute({ ...request, lease }, progress, { type: 'run.resumed', at, direction });
  });
}

function confirm<Facts, Ports>(request: RunRequest<Facts, Ports>, now: Preview): void {
  const { confirmed, accept = () => false } = request;
  const differences = confirmed === undefined ? [] : difference(confirmed, now);
  if (now.problems.length > 0) throw new Blocked(now.problems);
  if (differences.length > 0 && !accept(differences)) throw new PlanChanged(differences, now);
}

async function withLease<Facts, Ports, T>(
  ports: RunPorts<Facts, Ports>,
  plan: Plan,
  work: (lease: Lease | undefined) => Promise<T>,
): Promise<T> {
  if (plan.holds === undefined) return work(undefined);
  const pendingLease = ports.leases.take(plan.run);
  const lease = await unlessInterrupted(ports, pendingLease).catch((error: unknown) => {
    if (ports.cancel.aborted || ports.abandon.aborted) pendingLease.then(release, () => {});
    throw error;
  });
  try {
    return await work(lease);
  } finally {
    await release(lease);
  }
}

async function unlessInterrupted<T>(
  ports: Pick<ExecutionPorts<never, never>, 'cancel' | 'abandon'>,
  work: Promise<T>,
): Promise<T> {
  const { cancel, abandon } = ports;
  try {
    return await unlessAborted(AbortSignal.any([cancel, abandon]), work);
  } catch (error) {
    if (cancel.aborted || abandon.aborted) throw cancelledFailure(signalName(cancel.reason));
    throw error;
  }
}

/** A lease that cannot be given back frees itself when its holder is gone. */
async function release(lease: Lease): Promise<void> {
  await lease.release().catch(() => {});
}

import { unlessAborted } from '../domain/abort.js';
import { Blocked, Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { signalName } from './cancellation.js';
import { requireKnownTasks } from './check-task.js';
import { type Difference, difference } from './difference.js';
import type { Outcome, RunEvent } from './events.js';
import { type ExecutionPorts, execute } from './execute.js';
import type { Plan } from './plan.js';
import type { Lease, Leases } from './ports.js';
import { type Preview, preview } from './preview.js';
import { cancelledFailure, type Direction, Progress } from './progress.js';
import { resumeDirection } from './resume.js';

/** The dependencies of every run. */
export interface RunPorts<Facts, Ports> extends Omit<ExecutionPorts<Facts, Ports>, 'lease'> {
  readonly leases: Leases;
}

/** A request to run a plan from the start. */
export interface RunRequest<Facts, Ports> extends RunPorts<Facts, Ports> {
  readonly plan: Plan;
  /** The preview that the user confirmed. */
  readonly confirmed?: Preview;
  /** Whether the changed plan may run. Must not prompt, because the lease is held. */
  readonly accept?: (difference: Difference) => boolean;
  /** Called with the final plan before it runs. */
  readonly onPlanned?: (preview: Preview) => void;
}

/** A request to resume a run from its journal. */
export interface ResumeRequest<Facts, Ports> extends RunPorts<Facts, Ports> {
  readonly events: readonly RunEvent[];
  /** Returns the reasons to leave steps as they are, by step. Throws a Failure if the run must not be resumed. */
  readonly keep?: (facts: Facts, direction: Direction) => ReadonlyMap<string, string>;
  /** Whether to undo the run instead of finishing it. */
  readonly revert: boolean;
}

/** The plan changed between the confirmation and the lease. */
export class PlanChanged extends Failure {
  readonly difference: Difference;
  /** The preview under the lease. */
  readonly now: Preview;

  constructor(difference: Difference, now: Preview) {
    super('lease', 'plan.changed', 'the hosts changed since the plan was confirmed', {
      evidence: difference.map(({ title }) => title),
      hint: 'run the command again',
    });
    this.difference = difference;
    this.now = now;
  }
}

/**
 * Runs a plan: takes the lease, reads the facts, compares the plan with the confirmed one, executes it, releases the lease. Rejects
 * with a {@link Failure} only before anything is changed or journaled: another run holds the lease, the facts cannot be read, the
 * plan is blocked or has changed ({@link PlanChanged}), or the run is cancelled. Always resolves after `run.started`.
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
 * Resumes an interrupted run: skips finished steps, applies unfinished steps again with their intents, then reads the facts. Rejects as
 * {@link startRun} does, and with the failures of {@link resumeDirection} and `keep`.
 */
export async function resumeRun<Facts, Ports>(request: ResumeRequest<Facts, Ports>): Promise<Outcome> {
  const progress = Progress.of(request.events);
  const direction = resumeDirection(progress, request.registry, request.revert);
  return withLease(request, progress.plan, async (lease) => {
    const kept = request.keep?.(await unlessInterrupted(request, request.readFacts()), direction);
    const at = request.clock.now().toISOString();
    const { keep: _, ...ports } = request;
    const requested = given({ requested: request.revert || undefined });
    const resumed: RunEvent = { type: 'run.resumed', at, direction, ...requested };
    return execute({ ...ports, lease, ...given({ kept }) }, progress, resumed);
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

/** Errors are ignored: a lease ends with its holder anyway. */
async function release(lease: Lease): Promise<void> {
  await lease.release().catch(() => {});
}

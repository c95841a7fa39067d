import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { laterActivation } from '../domain/log.js';
import { Rollout } from '../domain/rollout.js';
import { type JournaledRun, journalPath, listRuns, readRun } from '../run/journal.js';
import { resumeDirection } from '../run/resume.js';
import { resumeRun } from '../run/run.js';
import { tasks } from '../tasks/registry.js';
import { untouchedHosts } from './choose-services.js';
import { withEnvironment } from './connect.js';
import { executeRun, type OpenInterrupts } from './execute-run.js';
import { needsToResume } from './needs.js';
import { blockedAsResult, type RecipeResult } from './run-recipe.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

export interface ResumeRequest {
  /** Take the run back instead of going on. */
  readonly revert: boolean;
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  readonly interrupts: OpenInterrupts;
}

/**
 * The run with this ID, or the last unfinished one, as its journal on this machine tells it. Throws a usage Failure where
 * there is none, or where it cannot go on.
 */
export async function readResumable(
  project: Session['project'],
  id: string | undefined,
  revert: boolean,
): Promise<JournaledRun> {
  const dir = runsDir(project);
  const journaled = await readRun(journalPath(dir, id ?? (await lastUnfinished(dir))), tasks);
  resumeDirection(journaled.progress, tasks, revert);
  return journaled;
}

/** Resumes a run with its own plan; the session is of that run's environment. */
export async function resumeRecipe(
  session: Session,
  { events, progress: { plan, receipts } }: JournaledRun,
  { revert, wait, interrupts }: ResumeRequest,
): Promise<RecipeResult> {
  const needs = needsToResume(plan, receipts, tasks);
  const connect = {
    ...{ services: plan.services, needs },
    untouchedHosts: untouchedHosts(session.environment.services, plan.services),
  };
  return blockedAsResult(() =>
    withEnvironment(session, connect, async (connected) => {
      connected.ready();
      for (const event of events) if (event.type === 'run.started') session.listener.event(event);
      const execution = { plan, wait, interrupts, earlier: events };
      const report = await executeRun(session, connected, execution, (ports) =>
        resumeRun({
          ...ports,
          ...{ events, revert },
          overtaken: (facts) => overtaken(facts, plan.run.id, receipts),
        }),
      );
      return { kind: 'ran', report };
    }),
  );
}

/** The failure of a run after which another one has activated a release: its facts no longer hold. */
function overtaken(facts: Facts, run: string, receipts: ReadonlyMap<string, unknown>): Failure | undefined {
  const orders = [...receipts.values()].flatMap((receipt) => {
    const rollout = Rollout.safeParse(receipt);
    return rollout.success && rollout.data.kind !== 'same' ? [rollout.data.order] : [];
  });
  const later = laterActivation(facts, run, Math.min(...orders));
  if (later === undefined) return undefined;
  const message = `run ${later.run} of ${later.who} has released ${later.release.reference} since`;
  return new Failure('changed', 'resume.overtaken', `the run ${run} cannot go on: ${message}`, {
    hint: 'see what runs now: oneclick status',
  });
}

async function lastUnfinished(dir: string): Promise<string> {
  const runs = await listRuns(dir);
  const open = runs.find((run) => run.state === 'unfinished' || run.state === 'undoing');
  if (open !== undefined) return open.id;
  throw new Failure('usage', 'resume.none', 'no run of this project on this machine is unfinished', {
    hint: 'run the same command again: what is on the servers is enough to go on',
  });
}

import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { laterActivation } from '../domain/log.js';
import { parentRuns, startedByRun } from '../domain/parent-run.js';
import { Rollout } from '../domain/rollout.js';
import { type JournaledRun, journalPath, listRuns, readRun } from '../run/journal.js';
import { resumeDirection } from '../run/resume.js';
import { resumeRun } from '../run/run.js';
import { tasks } from '../tasks/registry.js';
import { untouchedHosts } from './choose-services.js';
import { withEnvironment } from './connect.js';
import { executeRun, type OpenInterrupts } from './execute-run.js';
import { needsToResume, secretsOf } from './needs.js';
import { readFactsFor, requireSecrets } from './plan-facts.js';
import { blockedAsResult, type RecipeResult } from './run-recipe.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

export interface ResumeRequest {
  /** Undo the run instead of resuming it. */
  readonly revert: boolean;
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  readonly interrupts: OpenInterrupts;
}

/**
 * Reads the journal of the run with this ID, or of the last unfinished run. Throws a usage Failure if there is none, or if
 * it cannot be resumed.
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

/**
 * Resumes a run by its own plan; the session must be for the run's environment. Throws a Failure `lease.own` if that run
 * started this process.
 */
export async function resumeRecipe(
  session: Session,
  { events, progress }: JournaledRun,
  { revert, wait, interrupts }: ResumeRequest,
): Promise<RecipeResult> {
  const { plan, receipts } = progress;
  if (parentRuns(session.context.env).includes(plan.run.id))
    throw startedByRun(plan.run, 'a run cannot resume itself', `run it after run ${plan.run.id}`);
  const needs = needsToResume(plan, receipts, tasks);
  const creates = resumeDirection(progress, tasks, revert) === 'forward';
  const connect = {
    ...{ services: plan.services, needs, secrets: secretsOf(plan, needs) },
    untouchedHosts: untouchedHosts(session.environment, plan.services),
  };
  return blockedAsResult(() =>
    withEnvironment(session, connect, async (connected) => {
      connected.ready();
      for (const event of events) if (event.type === 'run.started') session.listener.event(event);
      const readFacts = async () => {
        if (!creates) return connected.facts();
        const facts = await readFactsFor(connected, plan, receipts);
        requireSecrets(plan, facts, receipts);
        return facts;
      };
      const execution = { plan, wait, interrupts, earlier: events, readFacts };
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

/** The Failure if another run has activated a release since, which outdates the plan. */
function overtaken(facts: Facts, run: string, receipts: ReadonlyMap<string, unknown>): Failure | undefined {
  const orders = [...receipts.values()].flatMap((receipt) => {
    const rollout = Rollout.safeParse(receipt);
    return rollout.success && rollout.data.kind !== 'same' ? [rollout.data.order] : [];
  });
  const later = laterActivation(facts, run, Math.min(...orders));
  if (later === undefined) return undefined;
  const message = `run ${later.run} by ${later.who} has since released ${later.release.reference}`;
  return new Failure('changed', 'resume.overtaken', `run ${run} cannot be resumed: ${message}`, {
    hint: 'check the current releases: oneclick status',
  });
}

async function lastUnfinished(dir: string): Promise<string> {
  const runs = await listRuns(dir);
  const open = runs.find((run) => run.state === 'unfinished' || run.state === 'undoing');
  if (open !== undefined) return open.id;
  throw new Failure('usage', 'resume.none', 'this machine has no unfinished run of this project', {
    hint: 'run the command again; it continues from the state of the hosts',
  });
}

import type { Facts } from '../../domain/facts.js';
import { Blocked, Failure } from '../../domain/failure.js';
import { laterActivation } from '../../domain/log.js';
import { Rollout } from '../../domain/rollout.js';
import { journalPath, listRuns, readRun } from '../../engine/journal.js';
import { resumption } from '../../engine/resume.js';
import { resumeRun } from '../../engine/run.js';
import { stepsOf } from '../../engine/walk.js';
import { tasks } from '../../tasks/registry.js';
import { carry } from '../carry.js';
import { hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { openField } from '../field.js';
import type { Globals } from '../grammar/flags.js';
import { cloudFor } from '../groups.js';
import { runsDir } from '../runs.js';
import { openProject, openSession } from '../session.js';
import { refuse, speaking } from '../speak.js';

interface ResumeFlags extends Globals {
  readonly env?: string;
  readonly revert: boolean;
  readonly wait: boolean;
}

/** `oneclick resume`: goes on with a run that this machine has the journal of, with that run's own plan. */
export function resume(edge: Edge, [id]: readonly string[], flags: ResumeFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const dir = runsDir(await openProject(edge, flags));
    const run = id ?? (await unfinished(dir));
    const { events, progress } = await readRun(journalPath(dir, run), tasks);
    const { plan, receipts } = progress;
    resumption(progress, tasks, flags.revert);
    const session = await openSession(edge, voice, { ...flags, env: plan.run.environment });
    const steps = stepsOf(plan.steps);
    const inCloud = steps.every(({ task }) => tasks.get(task)?.works === 'cloud');
    const beside = inCloud ? [] : hostsBeside(session.environment.services, plan.services);
    const resolves = steps.some(({ task, id }) => task === 'image.resolve' && !receipts.has(id));
    const needs = { resolves, ...(inCloud ? { cloud: 'only' as const } : cloudFor(plan.services)) };
    const done = voice.reporter.busy(`looking at ${session.environment.name}`);
    const field = await openField(session, plan.services, beside, needs).finally(done);
    try {
      for (const event of events) if (event.type === 'run.started') voice.reporter.event(event);
      return await carry(session, field, plan, flags.wait, (ports) =>
        resumeRun({
          ...ports,
          events,
          revert: flags.revert,
          overtaken: (facts) => overtaken(facts, plan.run.id, receipts),
        }),
      );
    } catch (error) {
      if (error instanceof Blocked) return refuse(voice.reporter, error.problems);
      throw error;
    } finally {
      await field.close();
    }
  });
}

/** The failure of a run after which another one has activated something: what it knows of the hosts is no longer so. */
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

async function unfinished(dir: string): Promise<string> {
  const runs = await listRuns(dir);
  const open = runs.find((run) => run.state === 'unfinished' || run.state === 'undoing');
  if (open !== undefined) return open.id;
  throw new Failure('usage', 'resume.none', 'no run of this project on this machine is unfinished', {
    hint: 'run the same command again: what is on the servers is enough to go on',
  });
}

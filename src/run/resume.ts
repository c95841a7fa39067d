import { Failure } from '../domain/failure.js';
import { requireKnownTasks } from './check-task.js';
import type { Registry } from './ports.js';
import type { Direction, Progress } from './progress.js';
import { referencesIn } from './reference.js';
import { stepsOf } from './walk.js';

/**
 * Which way an interrupted run goes on: a run that was undoing goes on undoing, any other goes forward unless
 * `revert` is asked for. Throws a failure of kind `usage` when it cannot go on: it has ended
 * (`resume.ended`), a step still needs a receipt that was redacted (`resume.redacted`), a task has another version now (`resume.version`), or going back is asked for and it is, or
 * may be, committed (`resume.committed`, `resume.committing`).
 */
export function resumeDirection<Facts, Ports>(
  progress: Progress,
  registry: Registry<Facts, Ports>,
  revert: boolean,
): Direction {
  const { id } = progress.plan.run;
  if (!resumable(progress)) {
    throw new Failure('usage', 'resume.ended', `the run ${id} has ended: ${progress.outcome?.result}`);
  }
  try {
    requireKnownTasks(progress.plan, registry);
  } catch (cause) {
    const message = cause instanceof Failure ? cause.message : String(cause);
    const hint = 'resume it with the version of oneclick that started it, or run the same command anew';
    throw new Failure('usage', 'resume.version', message, { hint, cause });
  }
  if (revert && progress.committed) {
    throw new Failure('usage', 'resume.committed', `the run ${id} is committed and can only go forward`, {
      hint: `oneclick resume ${id}, then oneclick rollback`,
    });
  }
  if (revert && progress.committing) {
    throw new Failure('usage', 'resume.committing', `nobody knows whether the run ${id} is committed`, {
      hint: `oneclick resume ${id}, then oneclick rollback`,
    });
  }
  const direction = revert ? 'revert' : progress.direction;
  if (direction === 'forward') requireReceipts(progress);
  return direction;
}

/** Its input would be `***`. */
function requireReceipts({ plan, steps, redacted }: Progress): void {
  const open = [...stepsOf(plan.steps), ...stepsOf(plan.after)].filter(({ id }) => !steps.has(id));
  for (const step of open) {
    const source = referencesIn(step.input).find((from) => redacted.has(from));
    if (source === undefined) continue;
    const message = `${step.id} uses the output of ${source}, which held a secret and was not kept`;
    throw new Failure('usage', 'resume.redacted', message, { hint: 'run the same command again' });
  }
}

/** Whether anything is left to go on with: a run that was stopped or not taken back completely may go on. */
export function resumable({ outcome }: Progress): boolean {
  return outcome === undefined || outcome.result === 'stopped' || outcome.result === 'incomplete';
}

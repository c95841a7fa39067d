import { Failure } from '../domain/failure.js';
import { Service } from '../domain/service.js';
import { unknownKeys } from '../domain/unknown-keys.js';
import { requireKnownTasks } from './check-task.js';
import type { Registry } from './ports.js';
import type { Direction, Progress } from './progress.js';
import { referencesIn } from './reference.js';
import { stepsOf } from './walk.js';

/**
 * Returns the direction of a resumed run: a run that was undoing continues to undo, others go forward unless `revert` is set. Throws a
 * usage {@link Failure} if the run has ended (`resume.ended`), it needs something that was redacted (`resume.redacted`), a task has another
 * version (`resume.version`), or `revert` is set and the run is or may be committed (`resume.committed`, `resume.committing`).
 */
export function resumeDirection<Facts, Ports>(
  progress: Progress,
  registry: Registry<Facts, Ports>,
  revert: boolean,
): Direction {
  const { id } = progress.plan.run;
  if (!resumable(progress)) {
    throw new Failure('usage', 'resume.ended', `run ${id} has already ended: ${progress.outcome?.result}`);
  }
  try {
    requireKnownTasks(progress.plan, registry);
  } catch (cause) {
    throw newerRun(cause instanceof Failure ? cause.message : String(cause), cause);
  }
  for (const service of progress.plan.services) {
    const keys = unknownKeys(Service, service);
    if (keys.length > 0) throw newerKeys(`service ${service.name}`, keys);
  }
  if (revert && progress.committed) {
    throw new Failure('usage', 'resume.committed', `run ${id} is committed and cannot be undone`, {
      hint: `run: oneclick resume ${id}, then: oneclick rollback`,
    });
  }
  if (revert && progress.committing) {
    throw new Failure('usage', 'resume.committing', `run ${id} may be committed, so it cannot be undone`, {
      hint: `run: oneclick resume ${id}, then: oneclick rollback`,
    });
  }
  const direction = revert ? 'revert' : progress.direction;
  if (direction === 'forward') requireUnredacted(progress);
  return direction;
}

/** Returns the failure to resume a run whose journal has keys that this version would lose. */
export function newerKeys(where: string, keys: readonly string[]): Failure {
  return newerRun(`this oneclick does not know ${keys.join(', ')} in the ${where}`);
}

function newerRun(message: string, cause?: unknown): Failure {
  const hint = 'resume it with the version of oneclick that started it, or run the command again';
  return new Failure('usage', 'resume.version', message, { hint, cause });
}

/** Otherwise containers would be created with `***`. */
function requireUnredacted(progress: Progress): void {
  const { plan, steps, redacted, redactedPlan, redactedIntents, committed } = progress;
  const { id } = plan.run;
  if (redactedPlan && !committed) throw notSaved(`the plan of run ${id} contained a secret`);
  for (const step of redactedIntents)
    if (steps.get(step)?.kind === 'started') throw notSaved(`the input of ${step} contained a secret`);
  const open = [...stepsOf(plan.steps), ...stepsOf(plan.after)].filter(({ id }) => !steps.has(id));
  for (const step of open) {
    const source = referencesIn(step.input).find((from) => redacted.has(from));
    if (source === undefined) continue;
    throw notSaved(`${step.id} uses the output of ${source}, which contained a secret`);
  }
}

function notSaved(contained: string): Failure {
  const message = `${contained} and was not saved`;
  return new Failure('usage', 'resume.redacted', message, { hint: 'run the command again' });
}

/** Whether the run can be resumed: it was interrupted, stopped, or not undone completely. */
export function resumable({ outcome }: Progress): boolean {
  return outcome === undefined || outcome.result === 'stopped' || outcome.result === 'incomplete';
}

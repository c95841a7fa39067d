import { exitCode, type FailureRecord } from '../domain/failure.js';
import type { Outcome } from './events.js';
import type { Progress } from './progress.js';
import { stepsOf } from './walk.js';

/** Returns the outcome of a run. `finished`: all steps are done or skipped. `reasons`: why it stopped, apart from failed steps. */
export function outcomeOf(progress: Progress, finished: boolean, reasons: readonly FailureRecord[]): Outcome {
  const failures = finished ? [] : unique([...progress.failures, ...reasons]);
  const result = resultOf(progress, finished);
  return {
    result,
    exitCode: finished ? 0 : codeOf(progress, result, failures),
    failures,
    left: result === 'incomplete' ? leftEffects(progress) : [],
    never: [...progress.never].map(([step, reason]) => ({ step, reason })),
    cancelled: progress.cancelledBy !== undefined,
    committed: progress.committed,
  };
}

function resultOf(progress: Progress, finished: boolean): Outcome['result'] {
  const states = [...progress.steps.values()];
  if (finished) return states.every((state) => state.kind === 'skipped') ? 'unchanged' : 'done';
  if (progress.direction === 'forward') return 'stopped';
  return hasEffects(progress) ? 'incomplete' : 'reverted';
}

function codeOf(progress: Progress, result: Outcome['result'], failures: readonly FailureRecord[]): number {
  const onlyCancelled = failures.every((failure) => failure.kind === 'interrupted');
  const intended = progress.committed && onlyCancelled;
  const changed = result !== 'reverted' && hasEffects(progress) && !intended;
  const code = exitCode([
    ...failures.map((failure) => failure.kind),
    ...(changed ? ['changed' as const] : []),
  ]);
  return code === 130 && progress.cancelledBy === 'SIGTERM' ? 143 : code;
}

/** Several steps of a lost host fail for the same reason. */
function unique(failures: readonly FailureRecord[]): readonly FailureRecord[] {
  return [...new Map(failures.map((failure) => [JSON.stringify(failure), failure])).values()];
}

function hasEffects(progress: Progress): boolean {
  return [...progress.steps.values()].some((state) => state.kind === 'started' || state.kind === 'done');
}

/** Failed undos, and effects that no undo was tried on. */
function leftEffects(progress: Progress): readonly FailureRecord[] {
  return stepsOf(progress.plan.steps).flatMap((step) => {
    const state = progress.steps.get(step.id);
    if (state?.kind !== 'started' && state?.kind !== 'done') return [];
    const failure = progress.left.get(step.id);
    const message = `not undone: ${state.title}`;
    if (failure?.code === 'lease.lost') return [{ ...failure, message }];
    if (failure !== undefined) return [failure];
    const host = step.host === undefined ? {} : { host: step.host };
    return [{ kind: 'changed' as const, code: 'undo.missing', message, ...host, evidence: [] }];
  });
}

import type { RunReport } from './run-report.js';

/** Returns the command to type after a run that did not succeed, with its options in brackets. */
export function nextCommand({ run, outcome }: Pick<RunReport, 'run' | 'outcome'>): string | undefined {
  const { result, committed, failures, left } = outcome;
  const lost = (result === 'incomplete' ? left : failures).flatMap(({ kind, code, host }) =>
    kind === 'unreachable' && code === 'lease.lost' ? [host] : [],
  );
  const without = [...new Set(lost)].map((host) => `--without ${host}`).join(' ');
  const gone = without === '' ? '' : `   (if it is gone for good, add ${without})`;
  if (result === 'incomplete') return `oneclick resume ${run.id} --revert${gone}`;
  if (result === 'stopped')
    return `oneclick resume ${run.id}${gone || (committed ? '' : '   (or --revert)')}`;
  const [first] = failures;
  // The containers that failed are kept.
  if (result === 'reverted' && first?.kind === 'unhealthy' && first.hint === undefined)
    return `oneclick logs --run ${run.id}`;
  return first?.hint === undefined ? `oneclick status --env ${run.environment}` : undefined;
}

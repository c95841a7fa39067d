import { afterAll, jest, test } from '@jest/globals';
import { openSandbox } from '../integration/harness.js';
import { checkRow, type Row, selectRows, tracePoints } from './table.js';

jest.setTimeout(180_000);

const sandbox = await openSandbox('client');
afterAll(async () => {
  await sandbox.clean();
  await sandbox.down();
});

const killed = { name: 'client killed' };
const noExitCode = { codes: [null] };

const nothingToResume = { codes: [2], prints: [/no unfinished run/] };
const alreadyRolledBack = { codes: [2], prints: [/web has no release before 1/] };
/** A request that was sent may or may not have arrived. */
const maybeRolledBack = { codes: [0, 2] };

/** Returns rows for each point of a command: one with `resume`, one with a retry. */
function killRows(command: Row['command'], points: readonly string[]): readonly Row[] {
  const indexOf = (point: string) => {
    const index = points.indexOf(point);
    if (index === -1) throw new Error(`"${point}" is not among ${points.join(', ')}`);
    return index;
  };
  const started = indexOf('event run.started');
  const ended = indexOf('event run.ended');
  const [committing, committed] = [
    indexOf('sent POST /volumes/create'),
    indexOf('answered POST /volumes/create'),
  ];
  const [before, after] = command === 'deploy' ? (['v1', 'v2'] as const) : (['v2', 'v1'] as const);
  return points.flatMap((at, index): readonly Row[] => {
    const row = { fault: killed, command, at, outcome: noExitCode, serves: after };
    const retryOutcome =
      index >= committed ? alreadyRolledBack : index >= committing ? maybeRolledBack : undefined;
    return [
      index < started
        ? { ...row, next: 'resume', nextOutcome: nothingToResume, serves: before }
        : { ...row, next: 'resume', ...(index >= ended ? { nextOutcome: nothingToResume } : {}) },
      {
        ...row,
        next: 'retry',
        ...(command === 'rollback' && retryOutcome !== undefined ? { nextOutcome: retryOutcome } : {}),
      },
    ];
  });
}

const points = await tracePoints(sandbox);

test.each(selectRows([...killRows('deploy', points.deploy), ...killRows('rollback', points.rollback)]))(
  '$title',
  ({ row }) => checkRow(sandbox, row),
);

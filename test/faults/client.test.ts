import { afterAll, jest, test } from '@jest/globals';
import { machines } from '../integration/harness.js';
import { chosen, moments, play, type Row } from './table.js';

jest.setTimeout(180_000);

const field = await machines('client');
afterAll(async () => {
  await field.clean();
  await field.down();
});

const killed = { name: 'the client killed' };
const dead = { codes: [null] };

/** What there is to say when there is nothing to go on with, or v1 is back and was the first. */
const nothing = { codes: [2], says: [/no unfinished run/] };
const isBack = { codes: [2], says: [/web has no release before 1/] };
/** A request that has left may arrive, or not. */
const mayBeBack = { codes: [0, 2] };

/** For every moment of a command a row for each way to go on. */
function sweep(command: Row['command'], passed: readonly string[]): readonly Row[] {
  const place = (moment: string) => {
    const index = passed.indexOf(moment);
    if (index === -1) throw new Error(`"${moment}" is not among ${passed.join(', ')}`);
    return index;
  };
  const begun = place('event run.started');
  const over = place('event run.ended');
  const [committing, committed] = [
    place('sent POST /volumes/create'),
    place('answered POST /volumes/create'),
  ];
  const [before, after] = command === 'deploy' ? (['v1', 'v2'] as const) : (['v2', 'v1'] as const);
  return passed.flatMap((at, index): readonly Row[] => {
    const row = { fault: killed, command, at, answer: dead, serves: after };
    const again = index >= committed ? isBack : index >= committing ? mayBeBack : undefined;
    return [
      index < begun
        ? { ...row, next: 'resume', ends: nothing, serves: before }
        : { ...row, next: 'resume', ...(index >= over ? { ends: nothing } : {}) },
      { ...row, next: 'again', ...(command === 'rollback' && again !== undefined ? { ends: again } : {}) },
    ];
  });
}

const passed = await moments(field);

test.each(chosen([...sweep('deploy', passed.deploy), ...sweep('rollback', passed.rollback)]))(
  '$title',
  ({ row }) => play(field, row),
);

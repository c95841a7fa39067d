import { describe, expect, it } from '@jest/globals';
import { containerSpec } from '../../../src/domain/container.js';
import { previous, rollbackHistory } from '../../../src/domain/log.js';
import type { Activation } from '../../../src/domain/release.js';
import { service } from '../../fakes/recipes.js';

/** The log of releases that were activated one after the other. */
const logOf = (...numbers: readonly number[]): readonly Activation[] =>
  numbers.map((number, index) => ({
    order: index + 1,
    kind: 'deploy',
    release: { number, reference: `web:v${number}`, spec: containerSpec(service('web'), `web@${number}`) },
    run: `run-${index}`,
    who: 'ada',
    at: '2026-01-01T00:00:00Z',
  }));

const numbers = (...log: readonly number[]) => rollbackHistory(logOf(...log)).map(({ number }) => number);

describe('the rollback history', () => {
  it('skips rolled back releases: after 1, 2, 1 and 3, the previous one is 1', () => {
    expect(numbers(1, 2, 1, 3)).toEqual([1, 3]);
    expect(previous(logOf(1, 2, 1, 3))?.number).toBe(1);
  });

  it('ends at the target of a rollback: two rollbacks from 3 leave only 1', () => {
    expect(numbers(1, 2, 3, 2)).toEqual([1, 2]);
    expect(numbers(1, 2, 3, 2, 1)).toEqual([1]);
    expect(previous(logOf(1, 2, 3, 2, 1))).toBeUndefined();
  });

  it('drops all releases after a requested older one', () => {
    expect(numbers(1, 2, 3, 4, 2, 5)).toEqual([1, 2, 5]);
  });

  it('is empty before the first activation', () => {
    expect(numbers()).toEqual([]);
    expect(previous([])).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { containerSpec } from '../../../src/domain/container.js';
import { laterActivation, previous, rollbackHistory } from '../../../src/domain/log.js';
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

describe('the releases that one can go back through', () => {
  it('leave out what was rolled back from: after 1, 2, back to 1, and 3 it is 1', () => {
    expect(numbers(1, 2, 1, 3)).toEqual([1, 3]);
    expect(previous(logOf(1, 2, 1, 3))?.number).toBe(1);
  });

  it('end where a rollback led: twice back from 3 is 1, and nothing is before it', () => {
    expect(numbers(1, 2, 3, 2)).toEqual([1, 2]);
    expect(numbers(1, 2, 3, 2, 1)).toEqual([1]);
    expect(previous(logOf(1, 2, 3, 2, 1))).toBeUndefined();
  });

  it('forget all that came after an older one that was asked for', () => {
    expect(numbers(1, 2, 3, 4, 2, 5)).toEqual([1, 2, 5]);
  });

  it('are none before the first activation', () => {
    expect(numbers()).toEqual([]);
    expect(previous([])).toBeUndefined();
  });
});

describe('an activation after a run', () => {
  const [first, second] = logOf(1, 2);
  const host = {
    host: 'a',
    engine: { version: '', platform: '' },
    listening: [],
    containers: [],
    networks: [],
    images: [],
  };
  const facts = {
    hosts: { a: { ...host, log: { web: [first, second].flatMap((line) => line ?? []) } } },
    resolved: {},
  };

  it('is one by another run with its order or a later one', () => {
    expect(laterActivation(facts, 'mine', 2)).toBe(second);
    expect(laterActivation(facts, 'mine', 3)).toBeUndefined();
  });

  it('is none of its own', () => {
    expect(laterActivation(facts, 'run-1', 2)).toBeUndefined();
  });
});

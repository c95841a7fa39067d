import { expect, it } from '@jest/globals';
import { parentRuns, runVariables } from '../../../src/domain/parent-run.js';

const run = (id: string, environment: string) => ({
  ...{ id, environment, recipe: 'deploy', project: 'shop', who: 'ana' },
  started: '2026-01-01T00:00:00.000Z',
});

it('tells a command its run, and all runs that started that run', () => {
  const outer = runVariables(run('a', 'production'), { ONECLICK_ENV: 'production' });
  expect(outer).toEqual({
    ONECLICK_RUN: 'a',
    ONECLICK_RUN_PROJECT: 'shop',
    ONECLICK_RUN_ENVIRONMENT: 'production',
    ONECLICK_RUN_PARENTS: '',
  });
  expect(parentRuns(outer)).toEqual(['a']);
  const inner = runVariables(run('b', 'staging'), outer);
  expect(inner).toMatchObject({ ONECLICK_RUN: 'b', ONECLICK_RUN_ENVIRONMENT: 'staging' });
  expect(parentRuns(inner)).toEqual(['a', 'b']);
});

it('has no parents outside a run', () => {
  expect(parentRuns({})).toEqual([]);
});

import { describe, expect, it } from '@jest/globals';
import { forecastOf } from '../../../src/run/forecast.js';
import type { PlanNode } from '../../../src/run/plan.js';
import { stepsOf } from '../../../src/run/walk.js';
import { graph, parallel, planOf, sequence, step } from './builders.js';

/** A step whose name has its wait in ms: `check-20`. */
const waiting = (name: string) => step(name);

function forecast(node: PlanNode, after: PlanNode = sequence()) {
  const plan = { ...planOf(node), after };
  const waits = [...stepsOf(plan.steps), ...stepsOf(plan.after)].map(({ id }) => {
    const [, cause = '', ms] = /^([a-z]+).*-(\d+)$/.exec(id) ?? [];
    return [id, [{ ms: Number(ms), cause }]] as const;
  });
  return forecastOf(plan, new Map(waits));
}

describe('the forecast of a plan', () => {
  it('is the sum of waits in sequence', () => {
    const seen = forecast(sequence(waiting('check-20'), waiting('drain-300')), waiting('settle-15'));
    expect(seen).toEqual({ live: 320, after: 15, most: { ms: 300, cause: 'drain' } });
  });

  it('is the longest path of parallel waits', () => {
    expect(forecast(parallel(waiting('check-20'), waiting('drain-30')))).toMatchObject({ live: 30 });
    const branches = graph(
      { id: 'a', after: [], node: waiting('a-10') },
      { id: 'b', after: ['a'], node: waiting('b-50') },
      { id: 'c', after: ['a'], node: waiting('c-20') },
      { id: 'd', after: ['b', 'c'], node: waiting('d-5') },
    );
    expect(forecast(branches)).toMatchObject({ live: 65, most: { cause: 'b' } });
  });

  it('adds up repeated waits for one cause', () => {
    const batches = ['drain-1-20', 'check-1-30', 'drain-2-20'].map(waiting);
    expect(forecast(sequence(...batches))).toEqual({ live: 70, after: 0, most: { ms: 40, cause: 'drain' } });
  });

  it('is undefined without waits', () => {
    expect(forecastOf(planOf(step('a')), new Map())).toBeUndefined();
  });
});

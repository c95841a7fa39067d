import { describe, expect, it } from '@jest/globals';
import { preview } from '../../../src/run/preview.js';
import { FakeLeases } from '../../fakes/leases.js';
import { fakeRegistry } from '../../fakes/world.js';
import { Bench, parallel, planOf, sequence, step } from './builders.js';

const plan = { ...planOf(sequence(step('a'), step('b'))), holds: 'hosts' as const };

describe('under the lease', () => {
  it('a plan that is no longer the confirmed one does not run, and the lease is given back', async () => {
    const bench = new Bench();
    const leases = new FakeLeases();
    const confirmed = preview(plan, {}, fakeRegistry);
    bench.world.write('a', 5);
    await expect(bench.start(plan, { leases, confirmed })).rejects.toMatchObject({
      kind: 'lease',
      code: 'plan.changed',
      difference: [{ step: 'a' }],
      now: { steps: [{ verdict: { changes: [{ text: 'a: 5 -> 1' }] } }, {}] },
    });
    expect(leases.released).toBe(1);
    expect(bench.said).toEqual([]);
    expect(bench.world.facts()).toEqual({ a: 5 });
  });

  it('it runs when the difference is accepted', async () => {
    const bench = new Bench();
    const confirmed = preview(plan, {}, fakeRegistry);
    bench.world.write('a', 5);
    const accept = (difference: readonly { step: string }[]) => difference.every(({ step }) => step === 'a');
    const outcome = await bench.start(plan, { leases: new FakeLeases(), confirmed, accept });
    expect(outcome.result).toBe('done');
  });

  it('a plan that is the confirmed one runs', async () => {
    const bench = new Bench();
    const confirmed = preview(plan, {}, fakeRegistry);
    expect((await bench.start(plan, { leases: new FakeLeases(), confirmed })).result).toBe('done');
  });

  it('a plan that is blocked fails with all its problems before anything is done', async () => {
    const bench = new Bench();
    const blocked = planOf(parallel(step('a'), step('b', 'refuse')));
    await expect(bench.start(blocked)).rejects.toMatchObject({
      kind: 'access',
      code: 'plan.blocked',
      evidence: ['b may not touch b (1)', 'b may not touch b (2)'],
    });
    expect(bench.said).toEqual([]);
  });

  it('facts that cannot be read fail the run, and the lease is given back', async () => {
    const bench = new Bench();
    const leases = new FakeLeases();
    const readFacts = () => Promise.reject(new Error('no route'));
    await expect(bench.start(plan, { leases, readFacts })).rejects.toThrow('no route');
    expect(leases.released).toBe(1);
  });
});

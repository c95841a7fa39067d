import { describe, expect, it } from '@jest/globals';
import { preview } from '../../../src/run/preview.js';
import { FakeLeases } from '../../fakes/leases.js';
import { fakeRegistry } from '../../fakes/world.js';
import { parallel, planOf, RunHarness, sequence, step } from './builders.js';

const plan = { ...planOf(sequence(step('a'), step('b'))), holds: 'hosts' as const };

describe('under the lease', () => {
  it('a changed plan does not run, and the lease is released', async () => {
    const harness = new RunHarness();
    const leases = new FakeLeases();
    const confirmed = preview(plan, {}, fakeRegistry);
    harness.world.write('a', 5);
    await expect(harness.start(plan, { leases, confirmed })).rejects.toMatchObject({
      kind: 'lease',
      code: 'plan.changed',
      difference: [{ step: 'a' }],
      now: { steps: [{ verdict: { changes: [{ text: 'a: 5 -> 1' }] } }, {}] },
    });
    expect(leases.released).toBe(1);
    expect(harness.events).toEqual([]);
    expect(harness.world.facts()).toEqual({ a: 5 });
  });

  it('a changed plan runs if the difference is accepted', async () => {
    const harness = new RunHarness();
    const confirmed = preview(plan, {}, fakeRegistry);
    harness.world.write('a', 5);
    const accept = (difference: readonly { step: string }[]) => difference.every(({ step }) => step === 'a');
    const outcome = await harness.start(plan, { leases: new FakeLeases(), confirmed, accept });
    expect(outcome.result).toBe('done');
  });

  it('a confirmed plan runs', async () => {
    const harness = new RunHarness();
    const confirmed = preview(plan, {}, fakeRegistry);
    expect((await harness.start(plan, { leases: new FakeLeases(), confirmed })).result).toBe('done');
  });

  it('a blocked plan fails with all its problems before any change', async () => {
    const harness = new RunHarness();
    const blocked = planOf(parallel(step('a'), step('b', 'refuse')));
    await expect(harness.start(blocked)).rejects.toMatchObject({
      kind: 'access',
      code: 'plan.blocked',
      evidence: ['b may not touch b (1)', 'b may not touch b (2)'],
    });
    expect(harness.events).toEqual([]);
  });

  it('the run fails if facts cannot be read, and the lease is released', async () => {
    const harness = new RunHarness();
    const leases = new FakeLeases();
    const readFacts = () => Promise.reject(new Error('no route'));
    await expect(harness.start(plan, { leases, readFacts })).rejects.toThrow('no route');
    expect(leases.released).toBe(1);
  });
});

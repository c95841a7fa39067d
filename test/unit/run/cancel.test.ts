import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { Lease } from '../../../src/run/ports.js';
import { FakeLeases } from '../../fakes/leases.js';
import { Gate, parallel, planOf, RunHarness, sequence, step } from './builders.js';

/** A harness whose first effect waits for the gate. */
function gated(): { harness: RunHarness; gate: Gate } {
  const harness = new RunHarness();
  const gate = new Gate();
  harness.world.pause = gate.once;
  return { harness, gate };
}

describe('a cancellation', () => {
  it('lets the running step finish, starts nothing new and undoes everything', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(sequence(step('a'), step('b'))));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    const outcome = await run;
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 130, cancelled: true });
    expect(outcome.failures).toMatchObject([{ kind: 'interrupted', message: 'cancelled by SIGINT' }]);
    expect(harness.steps('undo.done')).toEqual(['a']);
    expect(harness.world.facts()).toEqual({});
  });

  it('by SIGTERM exits with 143', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(step('a')));
    await gate.reached;
    harness.cancel.abort('SIGTERM');
    gate.open();
    expect((await run).exitCode).toBe(143);
  });

  it('aborts running steps, and does not count that as a failure', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(step('a', 'listen')));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    expect((await run).failures.map((failure) => failure.code)).toEqual(['run.cancelled']);
    expect(harness.events).toContainEqual(
      expect.objectContaining({ type: 'run.warning', text: 'told to give up' }),
    );
    expect(harness.events).toContainEqual(
      expect.objectContaining({
        type: 'step.failed',
        failure: expect.objectContaining({ kind: 'interrupted' }),
      }),
    );
  });

  it('reports the policy at once', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(step('a'), sequence(), 'stop'));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    await gate.settle();
    expect(harness.events.at(-1)).toMatchObject({ type: 'run.cancelled', by: 'SIGINT', policy: 'stop' });
    gate.open();
    await run;
  });

  it('leaves changes in place if the policy is stop', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(sequence(step('a'), step('b')), sequence(), 'stop'));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    expect(await run).toMatchObject({ result: 'stopped', exitCode: 7, cancelled: true });
    expect(harness.world.facts()).toEqual({ a: 1 });
  });

  it('after the commit skips the rest and undoes nothing', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(step('yes', 'commit'), step('tidy')));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    expect(await run).toMatchObject({ result: 'stopped', exitCode: 130, committed: true });
    expect(harness.world.facts()).toEqual({ yes: 1 });
  });

  it('after the commit reports the policy stop', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    harness.world.pause = () => (harness.types().includes('run.committed') ? gate.once() : Promise.resolve());
    const run = harness.start(planOf(step('yes', 'commit'), step('tidy')));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    await run;
    expect(harness.events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', policy: 'stop' }));
  });

  it('just before the commit undoes everything', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(step('a'), step('tidy')));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    expect(await run).toMatchObject({ result: 'reverted', committed: false });
    expect(harness.world.facts()).toEqual({});
  });

  it('during the undo is recorded, and the undo continues', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    harness.world.faults = new Map([['b', { when: 'before', kind: 'unhealthy' }]]);
    harness.world.pause = () => (harness.types().includes('undo.started') ? gate.once() : Promise.resolve());
    const run = harness.start(planOf(sequence(step('a'), step('b'))));
    await gate.reached;
    harness.cancel.abort('SIGINT');
    gate.open();
    expect(await run).toMatchObject({ result: 'reverted', exitCode: 130 });
    expect(harness.world.facts()).toEqual({});
  });

  it('before any change rejects, and nothing is journaled', async () => {
    const harness = new RunHarness();
    harness.cancel.abort('SIGINT');
    await expect(harness.start(planOf(step('a')))).rejects.toMatchObject({ kind: 'interrupted' });
    expect(harness.journal.events).toEqual([]);
  });
});

describe('abandoning a run', () => {
  it('stops it without waiting for a step that hangs', async () => {
    const { harness, gate } = gated();
    const run = harness.start(planOf(parallel(step('hangs', 'listen'), step('a'))));
    await gate.reached;
    await gate.settle();
    harness.cancel.abort('SIGINT');
    harness.abandon.abort('SIGINT');
    expect(await run).toMatchObject({ result: 'incomplete', exitCode: 7, cancelled: true });
    gate.open();
    await gate.settle();
    expect(harness.events.at(-1)?.type).toBe('run.ended');
  });

  it('during an undo lists the steps that are not undone', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    harness.world.faults = new Map([['c', { when: 'before', kind: 'unhealthy' }]]);
    harness.world.pause = () =>
      harness.steps('undo.started').includes('b') ? gate.once() : Promise.resolve();
    const run = harness.start(planOf(sequence(step('a'), step('b'), step('c'))));
    await gate.reached;
    harness.abandon.abort('SIGINT');
    const outcome = await run;
    expect(outcome).toMatchObject({ result: 'incomplete', exitCode: 7 });
    expect(outcome.left.map((left) => left.message)).toEqual(['not undone: a to 1', 'not undone: b to 1']);
    expect(outcome.failures[0]).toMatchObject({ kind: 'unhealthy' });
    expect(harness.steps('undo.started')).toEqual(['c', 'b']);
  });

  it('leaves a run that can resume its undo', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    harness.world.faults = new Map([['b', { when: 'before', kind: 'unhealthy' }]]);
    harness.world.pause = () => (harness.types().includes('undo.started') ? gate.once() : Promise.resolve());
    const run = harness.start(planOf(sequence(step('a'), step('b'))));
    await gate.reached;
    harness.abandon.abort('SIGINT');
    await run;
    const later = new RunHarness(harness.world, harness.journal);
    harness.world.pause = async () => {};
    expect(await later.resume()).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(harness.world.facts()).toEqual({});
  });
});

describe('a lost lease', () => {
  it('stops the run at once, without finishing or undoing anything', async () => {
    const { harness, gate } = gated();
    const leases = new FakeLeases();
    const plan = { ...planOf(sequence(step('a'), step('b'))), holds: 'hosts' as const };
    const run = harness.start(plan, { leases });
    await gate.reached;
    leases.lose(new Failure('unreachable', 'lease.channel', 'host-a closed the lease', { host: 'host-a' }));
    const outcome = await run;
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(outcome.failures).toMatchObject([{ kind: 'changed', code: 'lease.lost', host: 'host-a' }]);
    expect(harness.steps('undo.started')).toEqual([]);
    gate.open();
    await gate.settle();
    expect(harness.steps('step.started')).toEqual(['a']);
  });

  it('leaves an undo incomplete', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    const leases = new FakeLeases();
    harness.world.faults = new Map([['b', { when: 'before', kind: 'unhealthy' }]]);
    harness.world.pause = () => (harness.types().includes('undo.started') ? gate.once() : Promise.resolve());
    const plan = { ...planOf(sequence(step('a'), step('b'))), holds: 'hosts' as const };
    const run = harness.start(plan, { leases });
    await gate.reached;
    leases.lose();
    expect(await run).toMatchObject({
      result: 'incomplete',
      exitCode: 7,
      failures: [{ kind: 'unhealthy' }, { code: 'lease.lost' }],
    });
  });
});

describe('a lease that is lost on one host', () => {
  /** Loses the host of `lost` during the last of the steps, and opens the gate. */
  async function losing(lost: string, plan: ReturnType<typeof planOf>, during: string, all = false) {
    const harness = new RunHarness();
    const gate = new Gate();
    const leases = new FakeLeases(['host-a', 'host-b', 'host-c']);
    harness.world.pause = () =>
      harness.steps('step.started').includes(during) ? gate.once() : Promise.resolve();
    if (all) leases.onConfirm = () => leases.lose();
    const run = harness.start({ ...plan, holds: 'hosts' }, { leases });
    await gate.reached;
    leases.loseHost(lost);
    await gate.settle();
    gate.open();
    return { harness, outcome: await run };
  }
  const abc = planOf(sequence(step('a'), step('b'), step('c')));

  it('undoes the run on the other hosts and lists what is left', async () => {
    const { harness, outcome } = await losing('host-a', abc, 'b');
    expect(outcome).toMatchObject({
      ...{ result: 'incomplete', exitCode: 7 },
      failures: [{ kind: 'unreachable', code: 'lease.lost', host: 'host-a' }],
      left: [{ host: 'host-a', code: 'lease.lost', message: 'not undone: a to 1' }],
    });
    expect(harness.steps('step.started')).toEqual(['a', 'b']);
    expect(harness.steps('undo.started')).toEqual(['b']);
    expect(harness.world.facts()).toEqual({ a: 1 });
  });

  it('ends the step on that host at once', async () => {
    const { harness, outcome } = await losing('host-b', abc, 'b');
    expect(harness.steps('step.failed')).toEqual(['b']);
    expect(outcome).toMatchObject({ result: 'incomplete', left: [{ host: 'host-b' }] });
    expect(outcome.failures).toHaveLength(1);
    expect(harness.world.read('a')).toBe(0);
  });

  it('is undone completely if the host was not changed yet', async () => {
    const { harness, outcome } = await losing('host-c', abc, 'b');
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 5, left: [] });
    expect(harness.world.facts()).toEqual({});
  });

  it('and then on all hosts, undoes nothing', async () => {
    const { harness, outcome } = await losing('host-a', abc, 'b', true);
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(harness.steps('undo.started')).toEqual([]);
  });

  it('while committing, leaves the other hosts to finish', async () => {
    const plan = planOf(sequence(step('a'), step('yes', 'commit')), sequence(step('b'), step('c')));
    const { harness, outcome } = await losing('host-c', plan, 'yes');
    expect(outcome).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(harness.steps('step.done')).toEqual(['a', 'yes', 'b']);
    expect(harness.steps('step.failed')).toEqual(['c']);
  });

  it('can be undone later, or without that host', async () => {
    for (const without of [[], ['host-a']]) {
      const { harness } = await losing('host-a', abc, 'b');
      const again = new RunHarness(harness.world, harness.journal);
      harness.world.pause = async () => {};
      const keep = () => new Map(without.map(() => ['a', 'host-a was left out']));
      expect(await again.resume(true, { keep, leases: new FakeLeases() })).toMatchObject({
        ...{ result: 'reverted', exitCode: 0, failures: [], left: [] },
        never: without.map(() => ({ step: 'a', reason: 'host-a was left out' })),
      });
      expect(harness.world.read('a')).toBe(without.length);
    }
  });
});

describe('the lease', () => {
  const plan = { ...planOf(sequence(step('a'), step('b'))), holds: 'hosts' as const };

  it('is taken, shows the current step, and is released', async () => {
    const harness = new RunHarness();
    const leases = new FakeLeases();
    await harness.start(plan, { leases });
    expect(leases.taken).toBe(1);
    expect(leases.described).toEqual(['a', 'b']);
    expect(leases.released).toBe(1);
  });

  it('held by others fails the run before anything is read or changed', async () => {
    const harness = new RunHarness();
    const take = () => Promise.reject(new Failure('lease', 'lease.held', 'held by grace'));
    const read = async () => {
      throw new Error('read without the lease');
    };
    await expect(harness.start(plan, { leases: { take }, readFacts: read })).rejects.toMatchObject({
      kind: 'lease',
    });
    expect(harness.events).toEqual([]);
  });

  it('taken after a cancellation is released', async () => {
    const harness = new RunHarness();
    const leases = new FakeLeases();
    let give: (lease: Lease) => void = () => {};
    const take = () => new Promise<Lease>((resolve) => (give = resolve));
    const run = harness.start(plan, { leases: { take } });
    harness.cancel.abort('SIGINT');
    await expect(run).rejects.toMatchObject({ kind: 'interrupted' });
    give(await leases.take(plan.run));
    await new Gate().settle();
    expect(leases.released).toBe(1);
  });
});

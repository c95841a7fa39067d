import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../fakes/world.js';
import { Gate, graph, parallel, planOf, RunHarness, receiptOf, sequence, step } from './builders.js';

const broken: Fault = { when: 'before', kind: 'unhealthy' };

describe('a run', () => {
  it('runs the steps in order and emits events', async () => {
    const harness = new RunHarness();
    const outcome = await harness.start(planOf(sequence(step('a'), step('b'))));
    expect(outcome).toMatchObject({ result: 'done', exitCode: 0, failures: [], cancelled: false });
    expect(harness.world.facts()).toEqual({ a: 1, b: 1 });
    expect(harness.types()).toEqual([
      'run.started',
      'step.started',
      'step.done',
      'step.started',
      'step.done',
      'run.ended',
    ]);
    expect(harness.journal.events).toEqual(JSON.parse(JSON.stringify(harness.events)));
  });

  it('skips steps with nothing to do, and is unchanged if all are skipped', async () => {
    const harness = new RunHarness();
    const plan = planOf(sequence(step('a'), step('b')), step('c'));
    await harness.start(plan);
    const again = new RunHarness(harness.world);
    expect(await again.start(plan)).toMatchObject({ result: 'unchanged', exitCode: 0 });
    expect(again.steps('step.skipped')).toEqual(['a', 'b', 'c']);
  });

  it('resolves references from receipts', async () => {
    const harness = new RunHarness();
    await harness.start(
      planOf(sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') }))),
    );
    expect(harness.world.facts()).toEqual({ a: 7, b: 7 });
  });

  it('starts a branch after the branches that it waits for', async () => {
    const harness = new RunHarness();
    await harness.start(
      planOf(
        graph(
          { id: 'late', after: ['early'], node: step('late') },
          { id: 'early', after: [], node: sequence(step('early-1'), step('early-2')) },
        ),
      ),
    );
    expect(harness.steps('step.done')).toEqual(['early-1', 'early-2', 'late']);
  });

  it('passes the effects of earlier steps to checks', async () => {
    const harness = new RunHarness();
    await harness.start(planOf(sequence(step('a'), step('again', 'set', { name: 'a' }))));
    expect(harness.steps('step.skipped')).toEqual(['again']);
  });

  it('journals the intent before it acts', async () => {
    const harness = new RunHarness();
    harness.world.pause = async () => {
      expect(harness.journal.events.at(-1)).toMatchObject({
        type: 'step.started',
        intent: { name: 'a', before: 0 },
      });
    };
    expect((await harness.start(planOf(step('a')))).result).toBe('done');
  });

  it('does not act when the intent cannot be journaled', async () => {
    const harness = new RunHarness();
    const append = (event: { type: string }) =>
      event.type === 'step.started' ? Promise.reject(new Error('disk full')) : Promise.resolve();
    const outcome = await harness.start(planOf(step('a')), { journal: { append } });
    expect(outcome.failures).toMatchObject([{ code: 'journal.write' }]);
    expect(harness.world.facts()).toEqual({});
  });
});

describe('a failure', () => {
  it('undoes the steps in reverse and keeps the exit code of its kind', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['c', broken]]);
    const outcome = await harness.start(planOf(sequence(step('a'), step('b'), step('c'))));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6, left: [] });
    expect(harness.steps('undo.done')).toEqual(['c', 'b', 'a']);
    expect(harness.world.facts()).toEqual({});
  });

  it('undoes a step that failed after its effect', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['a', { when: 'after', kind: 'failed' }]]);
    expect(await harness.start(planOf(step('a')))).toMatchObject({ result: 'reverted', exitCode: 1 });
    expect(harness.world.facts()).toEqual({});
  });

  it('lets running steps of other branches finish, but starts no new ones', async () => {
    const harness = new RunHarness();
    const gate = new Gate();
    harness.world.faults = new Map([['bad', broken]]);
    harness.world.pause = gate.once;
    const run = harness.start(
      planOf(parallel(sequence(step('slow'), step('next')), step('bad')), sequence(), 'stop'),
    );
    await gate.reached;
    await gate.settle();
    expect(harness.steps('step.failed')).toEqual(['bad']);
    gate.open();
    expect(await run).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(harness.steps('step.done')).toEqual(['slow']);
    expect(harness.world.facts()).toEqual({ slow: 1 });
  });

  it('is reported together with those of other branches', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([
      ['a', { when: 'before', kind: 'unreachable' }],
      ['b', { when: 'after', kind: 'access' }],
    ]);
    const outcome = await harness.start(planOf(parallel(step('a'), step('b'))));
    expect(outcome.failures.map((failure) => failure.kind).sort()).toEqual(['access', 'unreachable']);
    expect(outcome.exitCode).toBe(5);
  });

  it('leaves changes in place if the policy is stop', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', broken]]);
    const outcome = await harness.start(planOf(sequence(step('a'), step('b')), sequence(), 'stop'));
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(harness.world.facts()).toEqual({ a: 1 });
  });

  it('of an undo does not hide the first one or prevent other undos', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([
      ['b', { when: 'undo', kind: 'unreachable' }],
      ['c', broken],
    ]);
    const outcome = await harness.start(planOf(sequence(step('a'), step('b'), step('c'))));
    expect(outcome).toMatchObject({ result: 'incomplete', exitCode: 7 });
    expect(outcome.failures).toMatchObject([{ kind: 'unhealthy', code: 'fake.before' }]);
    expect(outcome.left).toMatchObject([{ kind: 'unreachable', code: 'fake.undo' }]);
    expect(harness.world.facts()).toEqual({ b: 1 });
  });

  it('lists steps that cannot be undone', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', broken]]);
    const outcome = await harness.start(planOf(sequence(step('a'), step('told', 'keep'), step('b'))));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(outcome.never).toEqual([{ step: 'told', reason: 'a sent message cannot be undone' }]);
    expect(harness.world.facts()).toEqual({ told: 1 });
  });
});

describe('a step whose effect stays', () => {
  const plan = (value: number) => planOf(sequence(step('a'), step('m', 'migrate', { value }), step('b')));

  it('is tidied when the rest is undone', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', broken]]);
    const outcome = await harness.start(plan(1));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6, never: [{ step: 'm' }] });
    expect(harness.steps('undo.started')).toEqual(['b', 'a']);
    expect(harness.world.facts()).toEqual({ m: 1 });
  });

  it('is also listed as left if tidying fails', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([
      ['b', broken],
      ['m', { when: 'undo', kind: 'unreachable' }],
    ]);
    const outcome = await harness.start(plan(1));
    expect(outcome).toMatchObject({
      result: 'incomplete',
      exitCode: 7,
      never: [{ step: 'm' }],
      left: [{ kind: 'unreachable' }],
    });
    expect(harness.world.facts()).toEqual({ m: 1, 'm-box': 1 });
  });

  it('can turn a later failure into a stop, also after a resume', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', broken]]);
    expect(await harness.start(plan(2))).toMatchObject({ result: 'stopped', exitCode: 7, never: [] });
    expect(await harness.resume()).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(harness.steps('undo.started')).toEqual([]);
  });
});

describe('after the commit', () => {
  const plan = planOf(sequence(step('a'), step('yes', 'commit')), sequence(step('tidy'), step('prune')));

  it('a failure warns, and the run is done', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['tidy', broken]]);
    expect(await harness.start(plan)).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(harness.events).toContainEqual(expect.objectContaining({ type: 'run.warning', step: 'tidy' }));
    expect(harness.world.facts()).toEqual({ a: 1, yes: 1 });
  });

  it('a failure in another branch does not stop the rest', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['tidy', broken]]);
    await harness.start(planOf(step('yes', 'commit'), parallel(step('tidy'), step('prune'))));
    expect(harness.world.facts()).toEqual({ prune: 1, yes: 1 });
  });

  it('a failure prevents the steps that depend on it', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['tidy', broken]]);
    const branches = graph(
      { id: 'x', after: [], node: step('tidy') },
      { id: 'y', after: ['x'], node: step('prune') },
    );
    expect((await harness.start(planOf(step('yes', 'commit'), branches))).exitCode).toBe(0);
    expect(harness.steps('step.started')).toEqual(['yes', 'tidy']);
  });

  it('the second part of a plan without a commit step begins', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['tidy', broken]]);
    const outcome = await harness.start(planOf(step('a'), step('tidy')));
    expect(outcome).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(harness.types().indexOf('run.committed')).toBe(3);
  });

  it('a failure of a later step stops the run and undoes nothing', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', broken]]);
    const outcome = await harness.start(planOf(sequence(step('a'), step('yes', 'commit'), step('b'))));
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7, committed: true });
    expect(harness.world.facts()).toEqual({ a: 1, yes: 1 });
  });

  it('a commit that may have happened is not undone', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['yes', { when: 'after', kind: 'changed' }]]);
    expect(await harness.start(plan)).toMatchObject({ result: 'stopped', exitCode: 7, committed: false });
    expect(harness.steps('undo.started')).toEqual([]);
  });

  it('a commit that certainly has not happened is undone with the rest', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['yes', { when: 'before', kind: 'failed' }]]);
    expect(await harness.start(plan)).toMatchObject({ result: 'reverted', exitCode: 1, committed: false });
    expect(harness.world.facts()).toEqual({});
  });
});

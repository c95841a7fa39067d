import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../fakes/world.js';
import { Bench, Gate, graph, parallel, planOf, receiptOf, sequence, step } from './builders.js';

const broken: Fault = { when: 'before', kind: 'unhealthy' };

describe('a run', () => {
  it('does the steps in order and says what it does', async () => {
    const bench = new Bench();
    const outcome = await bench.start(planOf(sequence(step('a'), step('b'))));
    expect(outcome).toMatchObject({ result: 'done', exitCode: 0, failures: [], cancelled: false });
    expect(bench.world.facts()).toEqual({ a: 1, b: 1 });
    expect(bench.types()).toEqual([
      'run.started',
      'step.started',
      'step.done',
      'step.started',
      'step.done',
      'run.ended',
    ]);
    expect(bench.journal.events).toEqual(JSON.parse(JSON.stringify(bench.said)));
  });

  it('skips what is already so, and is unchanged when that is everything', async () => {
    const bench = new Bench();
    const plan = planOf(sequence(step('a'), step('b')), step('c'));
    await bench.start(plan);
    const again = new Bench(bench.world);
    expect(await again.start(plan)).toMatchObject({ result: 'unchanged', exitCode: 0 });
    expect(again.steps('step.skipped')).toEqual(['a', 'b', 'c']);
  });

  it('fills references from receipts', async () => {
    const bench = new Bench();
    await bench.start(
      planOf(sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') }))),
    );
    expect(bench.world.facts()).toEqual({ a: 7, b: 7 });
  });

  it('starts a branch when those that it comes after are finished', async () => {
    const bench = new Bench();
    await bench.start(
      planOf(
        graph(
          { id: 'late', after: ['early'], node: step('late') },
          { id: 'early', after: [], node: sequence(step('early-1'), step('early-2')) },
        ),
      ),
    );
    expect(bench.steps('step.done')).toEqual(['early-1', 'early-2', 'late']);
  });

  it('lets checks see what earlier steps have done', async () => {
    const bench = new Bench();
    await bench.start(planOf(sequence(step('a'), step('again', 'set', { name: 'a' }))));
    expect(bench.steps('step.skipped')).toEqual(['again']);
  });

  it('journals the intent before it acts', async () => {
    const bench = new Bench();
    bench.world.pause = async () => {
      expect(bench.journal.events.at(-1)).toMatchObject({
        type: 'step.started',
        intent: { name: 'a', before: 0 },
      });
    };
    expect((await bench.start(planOf(step('a')))).result).toBe('done');
  });

  it('does not act when the intent cannot be journaled', async () => {
    const bench = new Bench();
    const append = (event: { type: string }) =>
      event.type === 'step.started' ? Promise.reject(new Error('disk full')) : Promise.resolve();
    const outcome = await bench.start(planOf(step('a')), { journal: { append } });
    expect(outcome.failures).toMatchObject([{ code: 'journal.write' }]);
    expect(bench.world.facts()).toEqual({});
  });
});

describe('a failure', () => {
  it('takes back what was done, last first, and keeps the exit code of its kind', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['c', broken]]);
    const outcome = await bench.start(planOf(sequence(step('a'), step('b'), step('c'))));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6, left: [] });
    expect(bench.steps('undo.done')).toEqual(['c', 'b', 'a']);
    expect(bench.world.facts()).toEqual({});
  });

  it('takes back a step that failed after its effect', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['a', { when: 'after', kind: 'failed' }]]);
    expect(await bench.start(planOf(step('a')))).toMatchObject({ result: 'reverted', exitCode: 1 });
    expect(bench.world.facts()).toEqual({});
  });

  it('keeps other branches from starting anything new, but lets them finish what they are at', async () => {
    const bench = new Bench();
    const gate = new Gate();
    bench.world.faults = new Map([['bad', broken]]);
    bench.world.pause = gate.once;
    const run = bench.start(
      planOf(parallel(sequence(step('slow'), step('next')), step('bad')), sequence(), 'stop'),
    );
    await gate.reached;
    await gate.settle();
    expect(bench.steps('step.failed')).toEqual(['bad']);
    gate.open();
    expect(await run).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(bench.steps('step.done')).toEqual(['slow']);
    expect(bench.world.facts()).toEqual({ slow: 1 });
  });

  it('is reported beside those of other branches', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([
      ['a', { when: 'before', kind: 'unreachable' }],
      ['b', { when: 'after', kind: 'access' }],
    ]);
    const outcome = await bench.start(planOf(parallel(step('a'), step('b'))));
    expect(outcome.failures.map((failure) => failure.kind).sort()).toEqual(['access', 'unreachable']);
    expect(outcome.exitCode).toBe(5);
  });

  it('leaves everything as it is where the recipe says stop', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', broken]]);
    const outcome = await bench.start(planOf(sequence(step('a'), step('b')), sequence(), 'stop'));
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(bench.world.facts()).toEqual({ a: 1 });
  });

  it('of an undo hides neither the first one nor keeps others from being taken back', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([
      ['b', { when: 'undo', kind: 'unreachable' }],
      ['c', broken],
    ]);
    const outcome = await bench.start(planOf(sequence(step('a'), step('b'), step('c'))));
    expect(outcome).toMatchObject({ result: 'incomplete', exitCode: 7 });
    expect(outcome.failures).toMatchObject([{ kind: 'unhealthy', code: 'fake.before' }]);
    expect(outcome.left).toMatchObject([{ kind: 'unreachable', code: 'fake.undo' }]);
    expect(bench.world.facts()).toEqual({ b: 1 });
  });

  it('names what is never taken back', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', broken]]);
    const outcome = await bench.start(planOf(sequence(step('a'), step('told', 'keep'), step('b'))));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(outcome.never).toEqual([{ step: 'told', reason: 'a sent message cannot be undone' }]);
    expect(bench.world.facts()).toEqual({ told: 1 });
  });
});

describe('a step whose effect stays', () => {
  const plan = (value: number) => planOf(sequence(step('a'), step('m', 'migrate', { value }), step('b')));

  it('is tidied up behind when the rest is taken back', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', broken]]);
    const outcome = await bench.start(plan(1));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6, never: [{ step: 'm' }] });
    expect(bench.steps('undo.started')).toEqual(['b', 'a']);
    expect(bench.world.facts()).toEqual({ m: 1 });
  });

  it('is listed as left too when the tidying fails', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([
      ['b', broken],
      ['m', { when: 'undo', kind: 'unreachable' }],
    ]);
    const outcome = await bench.start(plan(1));
    expect(outcome).toMatchObject({
      result: 'incomplete',
      exitCode: 7,
      never: [{ step: 'm' }],
      left: [{ kind: 'unreachable' }],
    });
    expect(bench.world.facts()).toEqual({ m: 1, 'm-box': 1 });
  });

  it('may turn a later failure into a stop, also for a process that resumes the run', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', broken]]);
    expect(await bench.start(plan(2))).toMatchObject({ result: 'stopped', exitCode: 7, never: [] });
    expect(await bench.resume()).toMatchObject({ result: 'stopped', exitCode: 7 });
    expect(bench.steps('undo.started')).toEqual([]);
  });
});

describe('past the commit', () => {
  const plan = planOf(sequence(step('a'), step('yes', 'commit')), sequence(step('tidy'), step('prune')));

  it('a failure warns, and the run is done', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['tidy', broken]]);
    expect(await bench.start(plan)).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(bench.said).toContainEqual(expect.objectContaining({ type: 'run.warning', step: 'tidy' }));
    expect(bench.world.facts()).toEqual({ a: 1, yes: 1 });
  });

  it('a failure in another branch does not stop the rest', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['tidy', broken]]);
    await bench.start(planOf(step('yes', 'commit'), parallel(step('tidy'), step('prune'))));
    expect(bench.world.facts()).toEqual({ prune: 1, yes: 1 });
  });

  it('a failure keeps what comes after it from starting', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['tidy', broken]]);
    const branches = graph(
      { id: 'x', after: [], node: step('tidy') },
      { id: 'y', after: ['x'], node: step('prune') },
    );
    expect((await bench.start(planOf(step('yes', 'commit'), branches))).exitCode).toBe(0);
    expect(bench.steps('step.started')).toEqual(['yes', 'tidy']);
  });

  it('is also where a plan without a commit begins its second part', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['tidy', broken]]);
    const outcome = await bench.start(planOf(step('a'), step('tidy')));
    expect(outcome).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(bench.types().indexOf('run.committed')).toBe(3);
  });

  it('a failure of a later step stops the run and takes nothing back', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', broken]]);
    const outcome = await bench.start(planOf(sequence(step('a'), step('yes', 'commit'), step('b'))));
    expect(outcome).toMatchObject({ result: 'stopped', exitCode: 7, committed: true });
    expect(bench.world.facts()).toEqual({ a: 1, yes: 1 });
  });

  it('a commit that may have happened is not taken back', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['yes', { when: 'after', kind: 'changed' }]]);
    expect(await bench.start(plan)).toMatchObject({ result: 'stopped', exitCode: 7, committed: false });
    expect(bench.steps('undo.started')).toEqual([]);
  });

  it('a commit that certainly has not happened is taken back with the rest', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['yes', { when: 'before', kind: 'failed' }]]);
    expect(await bench.start(plan)).toMatchObject({ result: 'reverted', exitCode: 1, committed: false });
    expect(bench.world.facts()).toEqual({});
  });
});

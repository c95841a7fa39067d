import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { Plan } from '../../../src/run/plan.js';
import { Progress } from '../../../src/run/progress.js';
import { resumption } from '../../../src/run/resume.js';
import { type FakeFacts, fakeRegistry } from '../../fakes/world.js';
import { Bench, parallel, planOf, receiptOf, sequence, step } from './builders.js';

/** Runs the plan until the event that `dies` picks has been journaled; there the process ends. */
async function dead(
  plan: Plan,
  dies: (type: string, step: string) => boolean,
  faults: Bench['world']['faults'] = new Map(),
): Promise<Bench> {
  const bench = new Bench();
  bench.world.faults = faults;
  const died = new Promise<void>((resolve) => {
    const append = async (event: { type: string; step?: string }) => {
      await bench.journal.append(event as never);
      if (!dies(event.type, event.step ?? '')) return;
      resolve();
      await new Promise(() => {});
    };
    void bench.start(plan, { journal: { append } });
  });
  await died;
  return new Bench(bench.world, bench.journal);
}

const afterIntentOf = (id: string) => (type: string, step: string) => type === 'step.started' && step === id;
const afterAnswerOf = (id: string) => (type: string, step: string) => type === 'step.done' && step === id;

describe('a resumed run', () => {
  it('does not repeat steps that are done, and goes on with their receipts', async () => {
    const plan = planOf(
      sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') })),
    );
    const bench = await dead(plan, afterAnswerOf('a'));
    expect(await bench.resume()).toMatchObject({ result: 'done', exitCode: 0 });
    expect(bench.steps('step.started')).toEqual(['b']);
    expect(bench.world.facts()).toEqual({ a: 7, b: 7 });
  });

  it('is refused where a step needs a receipt that held a secret, and can be taken back', async () => {
    const plan = planOf(
      sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') })),
    );
    const bench = await dead(plan, afterAnswerOf('a'));
    const events = bench.journal.events.map((event) =>
      event.type === 'step.done' ? { ...event, redacted: true as const } : event,
    );
    const progress = Progress.of(events);
    expect(() => resumption(progress, fakeRegistry, false)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'resume.redacted' }),
    );
    expect(resumption(progress, fakeRegistry, true)).toBe('revert');
  });

  it('applies again what was in flight, with its intent', async () => {
    const bench = await dead(planOf(sequence(step('a'), step('b'))), afterIntentOf('a'));
    expect(await bench.resume()).toMatchObject({ result: 'done' });
    expect(bench.steps('step.started')).toEqual(['b']);
    expect(bench.steps('step.done')).toEqual(['a', 'b']);
    expect(bench.world.facts()).toEqual({ a: 1, b: 1 });
  });

  it('reads the facts when what was in flight is finished', async () => {
    const plan = planOf(sequence(step('a'), step('again', 'set', { name: 'a' })));
    const bench = await dead(plan, afterIntentOf('a'));
    await bench.resume();
    expect(bench.steps('step.skipped')).toEqual(['again']);
  });

  it('that was undoing goes on undoing', async () => {
    const plan = planOf(sequence(step('a'), step('b'), step('c')));
    const faults = new Map([['c', { when: 'before', kind: 'unhealthy' }]] as const);
    const bench = await dead(plan, (type, id) => type === 'undo.done' && id === 'c', faults);
    expect(await bench.resume()).toMatchObject({
      result: 'reverted',
      exitCode: 6,
      failures: [{ code: 'fake.before' }],
    });
    expect(bench.steps('undo.done')).toEqual(['b', 'a']);
    expect(bench.world.facts()).toEqual({});
  });

  it('is taken back when that is asked for, in-flight steps too, and that is no failure', async () => {
    const bench = await dead(planOf(sequence(step('a'), step('b'))), afterIntentOf('b'));
    expect(await bench.resume(true)).toMatchObject({ result: 'reverted', exitCode: 0, failures: [] });
    expect(bench.steps('undo.done')).toEqual(['b', 'a']);
    expect(bench.world.facts()).toEqual({});
  });

  it('that was stopped tries again what failed', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', { when: 'before', kind: 'unreachable' }]]);
    const plan = planOf(parallel(step('a'), step('b')), sequence(), 'stop');
    expect(await bench.start(plan)).toMatchObject({ result: 'stopped' });
    bench.world.faults = new Map();
    expect(await bench.resume()).toMatchObject({ result: 'done', exitCode: 0, failures: [] });
    expect(bench.world.facts()).toEqual({ a: 1, b: 1 });
  });

  it('that was taken back incompletely tries again what is left', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([
      ['a', { when: 'undo', kind: 'unreachable' }],
      ['b', { when: 'before', kind: 'unhealthy' }],
    ]);
    expect(await bench.start(planOf(sequence(step('a'), step('b'))))).toMatchObject({ result: 'incomplete' });
    bench.world.faults = new Map();
    expect(await bench.resume()).toMatchObject({ result: 'reverted', exitCode: 6, left: [] });
    expect(bench.world.facts()).toEqual({});
  });

  it('that died in its commit finds out by committing again, even if it was cancelled', async () => {
    const bench = await dead(planOf(step('yes', 'commit'), step('tidy')), afterIntentOf('yes'));
    bench.journal.events.push({ type: 'run.cancelled', at: '', by: 'SIGINT', policy: 'revert' });
    expect(await bench.resume()).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(bench.world.facts()).toEqual({ tidy: 1, yes: 1 });
  });
});

describe('a resume is refused', () => {
  const plan = planOf(sequence(step('a'), step('yes', 'commit')), step('tidy'));

  it('when the run has ended', async () => {
    const bench = new Bench();
    await bench.start(plan);
    await expect(bench.resume()).rejects.toMatchObject({ kind: 'usage', code: 'resume.ended' });
  });

  it('when a task has another version now', async () => {
    const bench = await dead(plan, afterIntentOf('a'));
    const newer = new Map([...fakeRegistry].map(([name, task]) => [name, { ...task, version: 2 }]));
    expect(() => resumption(Progress.of(bench.journal.events), newer, false)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'resume.version' }),
    );
  });

  it('when a committed run is to be taken back: that is a rollback', async () => {
    const bench = await dead(plan, afterIntentOf('tidy'));
    await expect(bench.resume(true)).rejects.toMatchObject({
      code: 'resume.committed',
      hint: expect.stringContaining('rollback'),
    });
  });

  it('when a run is to be taken back of which nobody knows whether it is committed', async () => {
    const bench = await dead(plan, afterIntentOf('yes'));
    await expect(bench.resume(true)).rejects.toMatchObject({ code: 'resume.committing' });
  });

  it('when the facts show that others have acted since, and then nothing is done', async () => {
    const bench = await dead(plan, afterIntentOf('a'));
    bench.world.write('other', 1);
    const overtaken = (facts: FakeFacts) =>
      facts.other === 1 ? new Failure('changed', 'fake.overtaken', 'others have acted') : undefined;
    for (const revert of [false, true]) {
      await expect(bench.resume(revert, { overtaken })).rejects.toMatchObject({ code: 'fake.overtaken' });
    }
    expect(bench.said).toEqual([]);
    expect(bench.world.facts()).toEqual({ other: 1 });
  });

  it('when the journal does not begin with a run', () => {
    expect(() => Progress.of([])).toThrow(expect.objectContaining({ code: 'journal.empty' }));
  });
});

import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { RunEvent } from '../../../src/run/events.js';
import type { Plan } from '../../../src/run/plan.js';
import { Progress } from '../../../src/run/progress.js';
import { resumeDirection } from '../../../src/run/resume.js';
import { type FakeFacts, fakeRegistry } from '../../fakes/world.js';
import { parallel, planOf, RunHarness, receiptOf, sequence, step } from './builders.js';

/** Runs the plan and kills the process once an event that matches `dies` is journaled. */
async function dead(
  plan: Plan,
  dies: (type: string, step: string) => boolean,
  faults: RunHarness['world']['faults'] = new Map(),
): Promise<RunHarness> {
  const harness = new RunHarness();
  harness.world.faults = faults;
  const died = new Promise<void>((resolve) => {
    const append = async (event: { type: string; step?: string }) => {
      await harness.journal.append(event as never);
      if (!dies(event.type, event.step ?? '')) return;
      resolve();
      await new Promise(() => {});
    };
    void harness.start(plan, { journal: { append } });
  });
  await died;
  return new RunHarness(harness.world, harness.journal);
}

const afterIntentOf = (id: string) => (type: string, step: string) => type === 'step.started' && step === id;
const afterResultOf = (id: string) => (type: string, step: string) => type === 'step.done' && step === id;

describe('a resumed run', () => {
  it('skips finished steps and uses their receipts', async () => {
    const plan = planOf(
      sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') })),
    );
    const harness = await dead(plan, afterResultOf('a'));
    expect(await harness.resume()).toMatchObject({ result: 'done', exitCode: 0 });
    expect(harness.steps('step.started')).toEqual(['b']);
    expect(harness.world.facts()).toEqual({ a: 7, b: 7 });
  });

  it('is rejected if a step needs a redacted receipt, but can be undone', async () => {
    const plan = planOf(
      sequence(step('a', 'surprise', { value: 7 }), step('b', 'set', { value: receiptOf('a') })),
    );
    const harness = await dead(plan, afterResultOf('a'));
    const events = harness.journal.events.map((event) =>
      event.type === 'step.done' ? { ...event, redacted: true as const } : event,
    );
    const progress = Progress.of(events);
    expect(() => resumeDirection(progress, fakeRegistry, false)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'resume.redacted' }),
    );
    expect(resumeDirection(progress, fakeRegistry, true)).toBe('revert');
  });

  it('is rejected if the plan or the intent of an unfinished step was redacted, but can be undone', async () => {
    const plan = planOf(sequence(step('a'), step('b')));
    const withRedacted = (events: readonly RunEvent[], type: RunEvent['type']) =>
      Progress.of(
        events.map((event) => (event.type === type ? ({ ...event, redacted: true } as RunEvent) : event)),
      );
    const [unfinished, finished] = [
      await dead(plan, afterIntentOf('a')),
      await dead(plan, afterResultOf('a')),
    ];
    for (const progress of [
      withRedacted(unfinished.journal.events, 'step.started'),
      withRedacted(finished.journal.events, 'run.started'),
    ]) {
      expect(() => resumeDirection(progress, fakeRegistry, false)).toThrow(
        expect.objectContaining({ kind: 'usage', code: 'resume.redacted' }),
      );
      expect(resumeDirection(progress, fakeRegistry, true)).toBe('revert');
    }
    const harmless = withRedacted(finished.journal.events, 'step.started');
    expect(resumeDirection(harmless, fakeRegistry, false)).toBe('forward');
  });

  it('applies unfinished steps again with their intents', async () => {
    const harness = await dead(planOf(sequence(step('a'), step('b'))), afterIntentOf('a'));
    expect(await harness.resume()).toMatchObject({ result: 'done' });
    expect(harness.steps('step.started')).toEqual(['b']);
    expect(harness.steps('step.done')).toEqual(['a', 'b']);
    expect(harness.world.facts()).toEqual({ a: 1, b: 1 });
  });

  it('reads the facts after unfinished steps are done', async () => {
    const plan = planOf(sequence(step('a'), step('again', 'set', { name: 'a' })));
    const harness = await dead(plan, afterIntentOf('a'));
    await harness.resume();
    expect(harness.steps('step.skipped')).toEqual(['again']);
  });

  it('continues an undo', async () => {
    const plan = planOf(sequence(step('a'), step('b'), step('c')));
    const faults = new Map([['c', { when: 'before', kind: 'unhealthy' }]] as const);
    const harness = await dead(plan, (type, id) => type === 'undo.done' && id === 'c', faults);
    expect(await harness.resume()).toMatchObject({
      result: 'reverted',
      exitCode: 6,
      failures: [{ code: 'fake.before' }],
    });
    expect(harness.steps('undo.done')).toEqual(['b', 'a']);
    expect(harness.world.facts()).toEqual({});
  });

  it('is undone on request, including unfinished steps, without a failure', async () => {
    const harness = await dead(planOf(sequence(step('a'), step('b'))), afterIntentOf('b'));
    expect(await harness.resume(true)).toMatchObject({ result: 'reverted', exitCode: 0, failures: [] });
    expect(harness.steps('undo.done')).toEqual(['b', 'a']);
    expect(harness.world.facts()).toEqual({});
  });

  it('retries the failed step of a stopped run', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', { when: 'before', kind: 'unreachable' }]]);
    const plan = planOf(parallel(step('a'), step('b')), sequence(), 'stop');
    expect(await harness.start(plan)).toMatchObject({ result: 'stopped' });
    harness.world.faults = new Map();
    expect(await harness.resume()).toMatchObject({ result: 'done', exitCode: 0, failures: [] });
    expect(harness.world.facts()).toEqual({ a: 1, b: 1 });
  });

  it('retries an incomplete undo', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([
      ['a', { when: 'undo', kind: 'unreachable' }],
      ['b', { when: 'before', kind: 'unhealthy' }],
    ]);
    expect(await harness.start(planOf(sequence(step('a'), step('b'))))).toMatchObject({
      result: 'incomplete',
    });
    harness.world.faults = new Map();
    expect(await harness.resume()).toMatchObject({ result: 'reverted', exitCode: 6, left: [] });
    expect(harness.world.facts()).toEqual({});
  });

  it('commits again if it died during the commit, even if it was cancelled', async () => {
    const harness = await dead(planOf(step('yes', 'commit'), step('tidy')), afterIntentOf('yes'));
    harness.journal.events.push({ type: 'run.cancelled', at: '', by: 'SIGINT', policy: 'revert' });
    expect(await harness.resume()).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    expect(harness.world.facts()).toEqual({ tidy: 1, yes: 1 });
  });
});

describe('a resume is rejected', () => {
  const plan = planOf(sequence(step('a'), step('yes', 'commit')), step('tidy'));

  it('if the run has ended', async () => {
    const harness = new RunHarness();
    await harness.start(plan);
    await expect(harness.resume()).rejects.toMatchObject({ kind: 'usage', code: 'resume.ended' });
  });

  it('if a task has another version', async () => {
    const harness = await dead(plan, afterIntentOf('a'));
    const newer = new Map([...fakeRegistry].map(([name, task]) => [name, { ...task, version: 2 }]));
    expect(() => resumeDirection(Progress.of(harness.journal.events), newer, false)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'resume.version' }),
    );
  });

  it('with revert if the run is committed, with a hint to roll back', async () => {
    const harness = await dead(plan, afterIntentOf('tidy'));
    await expect(harness.resume(true)).rejects.toMatchObject({
      code: 'resume.committed',
      hint: expect.stringContaining('rollback'),
    });
  });

  it('with revert if the run may be committed', async () => {
    const harness = await dead(plan, afterIntentOf('yes'));
    await expect(harness.resume(true)).rejects.toMatchObject({ code: 'resume.committing' });
  });

  it('if another run has acted since, and then nothing is done', async () => {
    const harness = await dead(plan, afterIntentOf('a'));
    harness.world.write('other', 1);
    const keep = (facts: FakeFacts) => {
      if (facts.other === 1) throw new Failure('changed', 'fake.overtaken', 'others have acted');
      return new Map<string, string>();
    };
    for (const revert of [false, true]) {
      await expect(harness.resume(revert, { keep })).rejects.toMatchObject({ code: 'fake.overtaken' });
    }
    expect(harness.events).toEqual([]);
    expect(harness.world.facts()).toEqual({ other: 1 });
  });

  it('if the first event is not run.started', () => {
    expect(() => Progress.of([])).toThrow(expect.objectContaining({ code: 'journal.empty' }));
  });
});

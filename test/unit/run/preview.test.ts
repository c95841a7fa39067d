import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { difference, same } from '../../../src/run/difference.js';
import type { Plan } from '../../../src/run/plan.js';
import { nothingToDo, preview } from '../../../src/run/preview.js';
import { type FakeFacts, fakeRegistry } from '../../fakes/world.js';
import { graph, parallel, planOf, receiptOf, sequence, step } from './builders.js';

const see = (plan: Plan, facts: FakeFacts = {}) => preview(plan, facts, fakeRegistry);
const verdicts = (plan: Plan, facts: FakeFacts = {}) =>
  Object.fromEntries(see(plan, facts).steps.map(({ step, verdict }) => [step.id, verdict]));

describe('a preview', () => {
  it('lists the changes and their hosts', () => {
    const { steps, problems } = see(planOf(step('a')));
    expect(problems).toEqual([]);
    expect(steps).toMatchObject([
      {
        title: 'a to 1',
        after: false,
        verdict: { kind: 'todo', certainty: 'certain', changes: [{ host: 'host-a', text: 'a: 0 -> 1' }] },
      },
    ]);
  });

  it('gives the reason if there is nothing to do', () => {
    const plan = planOf(step('a'), step('b'));
    expect(verdicts(plan, { a: 1 })).toMatchObject({
      a: { kind: 'done', because: 'a is 1' },
      b: { kind: 'todo' },
    });
    expect(nothingToDo(see(plan, { a: 1 }))).toBe(false);
    expect(nothingToDo(see(plan, { a: 1, b: 1 }))).toBe(true);
  });

  it('sorts branches by their dependencies', () => {
    const branches = graph(
      { id: 'second', after: ['first'], node: step('second') },
      { id: 'first', after: [], node: step('first') },
    );
    expect(see(planOf(branches)).steps.map(({ step }) => step.id)).toEqual(['first', 'second']);
  });

  it('is certain of steps that do not depend on earlier ones', () => {
    const plan = planOf(
      sequence(
        step('a'),
        step('b'),
        step('a-again', 'set', { name: 'a', value: 2 }),
        step('copy', 'set', { value: receiptOf('a') }),
      ),
    );
    expect(verdicts(plan)).toMatchObject({
      a: { certainty: 'certain' },
      b: { certainty: 'certain' },
      'a-again': { certainty: 'expected', changes: [{ text: 'a: 1 -> 2' }] },
      copy: { certainty: 'expected', changes: [{ text: 'copy: 0 -> 1' }] },
    });
  });

  it('is certain of steps that use the receipt of an unchanged step', () => {
    const plan = planOf(sequence(step('a'), step('copy', 'set', { value: receiptOf('a') })));
    expect(verdicts(plan, { a: 1 })).toMatchObject({ copy: { kind: 'todo', certainty: 'certain' } });
  });

  it('does not know steps that depend on an unknown receipt', () => {
    const plan = planOf(
      sequence(
        step('riddle', 'surprise'),
        step('copy', 'set', { value: receiptOf('riddle') }),
        step('copy-of-copy', 'set', { value: receiptOf('copy') }),
      ),
    );
    expect(verdicts(plan)).toMatchObject({
      copy: { kind: 'unknown', waitsFor: 'riddle' },
      'copy-of-copy': { kind: 'unknown', waitsFor: 'copy' },
    });
    expect(see(plan).steps[1]?.title).toBe('Set a resource');
  });

  it('is not certain of steps after an unknown one on the same host', () => {
    const riddle = step('copy', 'set', { value: receiptOf('riddle'), name: 'shared' });
    const plan = planOf(
      sequence(step('riddle', 'surprise'), riddle, step('same', 'set', { name: 'shared' }), step('other')),
    );
    expect(verdicts(plan)).toMatchObject({
      same: { certainty: 'expected' },
      other: { certainty: 'certain' },
    });
  });

  it('collects all problems without duplicates', () => {
    const plan = planOf(parallel(step('a', 'refuse'), step('b', 'refuse')), step('c', 'refuse'));
    expect(see(plan).problems.map(({ message }) => message)).toEqual(
      ['a', 'b', 'c'].flatMap((id) => [`${id} may not touch ${id} (1)`, `${id} may not touch ${id} (2)`]),
    );
  });

  it('reports an invalid input as a problem', () => {
    const { problems } = see(planOf(step('a', 'set', { value: 'many' })));
    expect(problems).toMatchObject([{ kind: 'usage', code: 'step.input' }]);
  });

  it('marks steps that cannot be undone or come after the commit', () => {
    const { steps } = see(planOf(step('a', 'keep'), step('b')));
    expect(steps).toMatchObject([
      { never: 'a sent message cannot be undone', after: false },
      { after: true },
    ]);
  });

  it('treats steps finished by an earlier process as done', () => {
    const plan = planOf(sequence(step('a', 'surprise'), step('copy', 'set', { value: receiptOf('a') })));
    const { steps } = preview(plan, { a: 7 }, fakeRegistry, new Map([['a', { value: 7 }]]));
    expect(steps.map(({ verdict }) => verdict)).toMatchObject([
      { kind: 'done', because: 'already done' },
      { kind: 'todo', certainty: 'certain' },
    ]);
  });

  it('rejects unknown tasks and other versions', () => {
    expect(() => preview(planOf(step('a')), {}, new Map())).toThrow('unknown task thing.set');
    const newer = new Map([...fakeRegistry].map(([name, task]) => [name, { ...task, version: 2 }]));
    expect(() => preview(planOf(step('a')), {}, newer)).toThrow('the plan needs thing.set version 1');
  });

  it('rejects branches that wait for each other', () => {
    const circle = graph(
      { id: 'hen', after: ['egg'], node: step('hen') },
      { id: 'egg', after: ['hen'], node: step('egg') },
    );
    expect(() => see(planOf(circle))).toThrow(Failure);
  });
});

describe('the difference of two previews', () => {
  const plan = planOf(sequence(step('a'), step('b')));

  it('is empty if they make the same changes', () => {
    expect(same(see(plan), see(plan))).toBe(true);
  });

  it('lists each step whose verdict changed', () => {
    expect(difference(see(plan), see(plan, { a: 1, b: 5 }))).toMatchObject([
      { step: 'a', confirmed: { kind: 'todo' }, now: { kind: 'done' } },
      { step: 'b', title: 'b to 1', now: { changes: [{ text: 'b: 5 -> 1' }] } },
    ]);
  });

  it('lists added and removed steps', () => {
    expect(difference(see(plan), see(planOf(sequence(step('a'), step('c')))))).toMatchObject([
      { step: 'c', now: { kind: 'todo' } },
      { step: 'b', confirmed: { kind: 'todo' } },
    ]);
  });
});

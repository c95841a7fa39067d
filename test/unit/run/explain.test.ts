import { describe, expect, it } from '@jest/globals';
import type { CloudCall } from '../../../src/domain/plain-command.js';
import { explain } from '../../../src/run/explain.js';
import { preview } from '../../../src/run/preview.js';
import { fakeRegistry } from '../../fakes/world.js';
import { planOf, receiptOf, sequence, step } from './builders.js';

const formatCall = ({ kind }: CloudCall) => `cloud ${kind}`;
const lines = (...[plan, facts = {}]: [Parameters<typeof explain>[0], Readonly<Record<string, number>>?]) =>
  explain(plan, facts, fakeRegistry, formatCall).steps.map(({ commands }) =>
    commands.map(({ line }) => line),
  );

describe('an explanation', () => {
  it('lists the commands of each step, given the effects of earlier steps', () => {
    const again = step('a-again', 'set', { name: 'a', value: 2 });
    const copy = step('copy', 'set', { value: receiptOf('a') });
    expect(lines(planOf(sequence(step('a'), again, copy)))).toEqual([
      ['set a 1'],
      ['set a 2'],
      ['set copy 1'],
    ]);
  });

  it('has no commands if there is nothing to do or the step is not decided yet', () => {
    const later = step('later', 'set', { value: receiptOf('riddle') });
    expect(lines(planOf(sequence(step('a'), step('riddle', 'surprise'), later)), { a: 1 })).toEqual([
      [],
      ['set riddle 1'],
      [],
    ]);
  });

  it('includes the preview and its problems', () => {
    const plan = planOf(sequence(step('a'), step('b', 'refuse')), step('c', 'keep'));
    const seen = preview(plan, {}, fakeRegistry);
    const { steps, problems } = seen;
    expect(explain(plan, {}, fakeRegistry, formatCall)).toMatchObject({ steps, problems });
    expect(seen.problems).toHaveLength(2);
  });
});

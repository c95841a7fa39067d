import { describe, expect, it } from '@jest/globals';
import type { CloudCall } from '../../../src/domain/plain-command.js';
import { explain } from '../../../src/run/explain.js';
import { preview } from '../../../src/run/preview.js';
import { fakeRegistry } from '../../fakes/world.js';
import { planOf, receiptOf, sequence, step } from './builders.js';

const spell = ({ kind }: CloudCall) => `cloud ${kind}`;
const lines = (...[plan, facts = {}]: [Parameters<typeof explain>[0], Readonly<Record<string, number>>?]) =>
  explain(plan, facts, fakeRegistry, spell).steps.map(({ commands }) => commands.map(({ line }) => line));

describe('an explanation', () => {
  it('says for each step what would be typed, after all that comes before it', () => {
    const again = step('a-again', 'set', { name: 'a', value: 2 });
    const copy = step('copy', 'set', { value: receiptOf('a') });
    expect(lines(planOf(sequence(step('a'), again, copy)))).toEqual([
      ['set a 1'],
      ['set a 2'],
      ['set copy 1'],
    ]);
  });

  it('has no command where there is nothing to do, or where that is decided later', () => {
    const later = step('later', 'set', { value: receiptOf('riddle') });
    expect(lines(planOf(sequence(step('a'), step('riddle', 'surprise'), later)), { a: 1 })).toEqual([
      [],
      ['set riddle 1'],
      [],
    ]);
  });

  it('says otherwise what the preview says, its problems too', () => {
    const plan = planOf(sequence(step('a'), step('b', 'refuse')), step('c', 'keep'));
    const seen = preview(plan, {}, fakeRegistry);
    const { steps, problems } = seen;
    expect(explain(plan, {}, fakeRegistry, spell)).toMatchObject({ steps, problems });
    expect(seen.problems).toHaveLength(2);
  });
});

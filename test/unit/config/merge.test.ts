import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isMap, merge } from '../../../src/config/merge.js';
import { valueAt } from '../../../src/domain/schema-problems.js';

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const tree: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(1, 'x', false, null, [1], []),
    fc.dictionary(key, tie('value'), { noNullPrototype: true }),
  ),
})).value;
const map = fc.dictionary(key, tree, { noNullPrototype: true });

function leaves(value: unknown, path: string[] = []): [string[], unknown][] {
  if (!isMap(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]));
}

describe('merging', () => {
  it('with nothing removes only empty keys', () => {
    fc.assert(
      fc.property(map, (base) => {
        const merged = merge(base, {});
        expect(merge(base, undefined)).toEqual(merged);
        for (const [path, value] of leaves(base)) expect(valueAt(merged, path)).toEqual(value ?? undefined);
      }),
    );
  });

  it('applies every key of the environment and removes those it leaves empty', () => {
    fc.assert(
      fc.property(map, map, (base, over) => {
        const merged = merge(base, over);
        for (const [path, value] of leaves(over)) expect(valueAt(merged, path)).toEqual(value ?? undefined);
      }),
    );
  });

  it('is idempotent, leaves no empty key, and changes neither side', () => {
    fc.assert(
      fc.property(map, map, (base, over) => {
        const before = structuredClone([base, over]);
        const merged = merge(base, over);
        expect(merge(merged, over)).toEqual(merged);
        expect(leaves(merged).map(([, value]) => value)).not.toContain(null);
        expect([base, over]).toEqual(before);
        expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
      }),
    );
  });

  it('keeps keys that the environment does not set', () => {
    expect(
      merge({ health: { path: '/up', deadline: 1 }, volumes: ['a'] }, { health: { deadline: 2 } }),
    ).toEqual({
      health: { path: '/up', deadline: 2 },
      volumes: ['a'],
    });
    expect(merge({ volumes: ['a', 'b'] }, { volumes: ['c'] })).toEqual({ volumes: ['c'] });
  });
});

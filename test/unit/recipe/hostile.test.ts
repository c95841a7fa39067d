import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Failure } from '../../../src/domain/failure.js';
import { formatProblem, InvalidText } from '../../../src/domain/problem.js';
import { bindRecipe } from '../../../src/recipe/bind.js';
import { loadRecipe } from '../../../src/recipe/load.js';
import type { PlanNode } from '../../../src/run/plan.js';
import { cpuTime } from '../../fakes/cpu-time.js';
import { recipesOf, run, service, tasks } from '../../fakes/recipes.js';

const deploy = `summary: Put a new release there
holds: hosts
on-failure: revert
params:
  batch: { type: string, default: 25% }
  mode: { type: [plain, drain], default: plain }
steps:
  - image.resolve
  - parallel:
      - image.pull
      - run: ./tell {{ run.who }}
  - each: service
    steps:
      - rollout.resolve
      - recipe: swap-{{ service.swap }}
      - recipe: swap-{{ mode }}
  - release.commit
after:
  - remote: docker ps
`;
const swap = `- rolling: { batch: "{{ batch }}" }
  steps:
    - container.create
    - container.stop: { release: old }
`;

const services = [service('web', { needs: ['api'] }), service('api', { swap: 'drain' })];

const pieces = fc.constantFrom(
  ...[
    '{{ image }}',
    '{{ ',
    ' }}',
    '\\{{',
    '{{ service.swap }}',
    '{{ batch }}',
    '{{ x.y.z }}',
    'each: service',
    'rolling: { batch: 1 }',
  ],
  ...[
    '- parallel:',
    'steps:',
    'recipe: main',
    'recipe: swap-plain',
    '- image.pull',
    'image.resolve',
    'rollout.resolve',
    'release.commit',
  ],
  ...[
    '\n',
    '\n  ',
    '  ',
    '- ',
    ': ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '|',
    '!',
    '?',
    '%',
    ',',
    '\t',
    '\u0000',
    '__proto__: 1',
    'constructor',
  ],
);

/** A text with parts cut, repeated, moved or replaced. */
const mutated = (text: string) =>
  fc
    .array(
      fc.record({
        at: fc.nat(text.length),
        length: fc.nat(12),
        insert: fc.oneof(pieces, fc.string({ maxLength: 5 }), fc.constant('')),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((edits) =>
      edits.reduce((now, { at, length, insert }) => now.slice(0, at) + insert + now.slice(at + length), text),
    );

/** A text with lines reordered or reindented. */
const shuffled = (text: string) => {
  const lines = text.trimEnd().split('\n');
  return fc
    .array(fc.record({ line: fc.nat(lines.length - 1), indent: fc.nat(8) }), { maxLength: 25 })
    .map((all) => all.map(({ line, indent }) => ' '.repeat(indent) + (lines[line] ?? '').trim()).join('\n'));
};

/** Random steps, mostly in valid positions. */
const grown = (() => {
  const list = (step: fc.Arbitrary<unknown>) => fc.array(step, { minLength: 1, maxLength: 3 });
  const beside = (step: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 5, arbitrary: step }, fc.record({ parallel: list(step) }));
  const unit = fc.constantFrom<unknown>(
    ...['image.pull', 'health.wait', 'host.look', { run: 'ls {{ n }}' }, { remote: 'ls {{ run.id }}' }],
    ...[
      { recipe: 'part' },
      { 'health.wait': { deadline: '{{ n }}' } },
      { 'health.wait': { deadline: '{{ look.load }}' } },
    ],
  );
  const service = fc.oneof(unit, fc.constantFrom('image.resolve', 'rollout.resolve', 'release.command'));
  const rolling = fc.record({
    rolling: fc.constantFrom({ batch: 1 }, { batch: 'all' }),
    steps: list(beside(unit)),
  });
  const each = fc.record({ each: fc.constant('service'), steps: list(beside(fc.oneof(service, rolling))) });
  const commit = fc.constantFrom('release.commit', 'release.announce');
  return list(beside(fc.oneof(service, each, commit)));
})();

/** Walks a plan, checks that references point to earlier steps, and returns the steps done. */
function walk(node: PlanNode, done: ReadonlySet<string>): ReadonlySet<string> {
  if (node.kind === 'step') {
    const { id, input } = node.step;
    expect(done).not.toContain(id);
    for (const [, from] of JSON.stringify(input).matchAll(/"\$from":"([^"]+)"/g))
      expect(done).toContain(from);
    return new Set([...done, id]);
  }
  if (node.kind === 'sequence') return node.nodes.reduce((before, inner) => walk(inner, before), done);
  const after = new Map<string, ReadonlySet<string>>();
  const finish = (id: string): ReadonlySet<string> => {
    const known = after.get(id);
    const branch = node.branches.find((other) => other.id === id);
    if (known !== undefined || branch === undefined) return known ?? done;
    const result = walk(
      branch.node,
      new Set([...done, ...branch.after.flatMap((need) => [...finish(need)])]),
    );
    after.set(id, result);
    return result;
  };
  return new Set(node.branches.flatMap(({ id }) => [...finish(id)]));
}

/** Loads and binds, checks that a failure has a position or a name, and returns the time taken. */
async function attempt(
  texts: Readonly<Record<string, string>>,
): Promise<{ readonly ms: number; readonly bound: boolean }> {
  const start = cpuTime();
  let bound = false;
  try {
    const loaded = await loadRecipe('main', [recipesOf(texts)], tasks);
    const plan = bindRecipe(loaded, { registry: tasks, services, params: {}, run });
    walk(plan.after, walk(plan.steps, new Set()));
    bound = true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.kind).toBe('usage');
    if (error instanceof InvalidText)
      for (const problem of error.problems) {
        expect(problem.line).toBeGreaterThan(0);
        expect(formatProblem(problem)).toMatch(/^[\w-]+\.yml:\d+:\d+: .+\n.*\n.*\^$/);
      }
  }
  return { ms: cpuTime() - start, bound };
}

describe('any recipe text', () => {
  const options = { numRuns: 400 };

  it('binds to a plan with valid references, or fails as usage with a position', async () => {
    const texts = fc.record({
      main: fc.oneof(mutated(deploy), shuffled(deploy)),
      'swap-plain': fc.oneof(fc.constant(swap), mutated(swap)),
      'swap-drain': fc.oneof(fc.constant(swap), mutated(swap), shuffled(deploy)),
    });
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        expect((await attempt(all)).ms).toBeLessThan(2000);
      }),
      options,
    );
  });

  it('generated from the grammar does the same, and often binds', async () => {
    let plans = 0;
    await fc.assert(
      fc.asyncProperty(
        grown,
        fc.constantFrom(['health.wait'], ['image.pull', { run: 'ls' }], ['nonsense']),
        fc.boolean(),
        async (main, part, ready) => {
          const first = ready ? ['image.resolve', 'rollout.resolve', 'host.look'] : [];
          const recipe = { summary: 's', params: { n: 3 }, steps: [...first, ...main] };
          const text = { main: JSON.stringify(recipe), part: JSON.stringify(part) };
          plans += (await attempt(text)).bound ? 1 : 0;
        },
      ),
      { numRuns: 200 },
    );
    expect(plans).toBeGreaterThan(40);
  });

  it.each([
    ['open braces', '{{ '.repeat(100_000)],
    ['braces', '{{ a }}'.repeat(50_000)],
    ['backslashes', '\\{{'.repeat(100_000)],
  ])('binds many %s quickly', async (_, text) => {
    expect((await attempt({ main: `summary: s\nsteps:\n  - run: '${text}'\n` })).ms).toBeLessThan(4000);
  });

  it('binds many steps quickly', async () => {
    const steps = '  - parallel: [image.resolve, image.pull, run: "x {{ run.id }}"]\n'.repeat(200);
    expect((await attempt({ main: `summary: s\nsteps:\n${steps}` })).ms).toBeLessThan(4000);
  });

  it('binds or rejects deeply nested steps', async () => {
    const nested = (depth: number) =>
      `summary: s\nsteps: ${'[parallel: '.repeat(depth)}[image.resolve]${']'.repeat(depth)}\n`;
    for (const depth of [10, 40, 5000])
      expect((await attempt({ main: nested(depth) })).ms).toBeLessThan(4000);
  });
});

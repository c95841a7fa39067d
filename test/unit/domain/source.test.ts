import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { Failure } from '../../../src/domain/failure.js';
import { nearest } from '../../../src/domain/nearest.js';
import { formatProblem, InvalidText, invalid } from '../../../src/domain/problem.js';
import { match } from '../../../src/domain/schema-problems.js';
import { readSource } from '../../../src/domain/source.js';

const Config = z.strictObject({
  service: z.string().min(1),
  port: z.int().min(1).max(65_535),
  swap: z.enum(['plain', 'beside']).optional(),
  hosts: z
    .array(z.union([z.string(), z.strictObject({ host: z.string(), weight: z.int().optional() })]))
    .optional(),
  env: z.record(z.string(), z.string()).optional(),
});

/** Returns all problems as `line:column message [suggestion]`, in order. */
function problemsIn(text: string, schema: z.ZodType = Config): readonly string[] {
  const source = readSource('o.yml', text);
  const result = match(source, schema);
  const problems = [...source.problems, ...('problems' in result ? result.problems : [])];
  return problems.map(
    (p) => `${p.line}:${p.column} ${p.message}${p.suggestion === undefined ? '' : ` [${p.suggestion}]`}`,
  );
}

function rejection(text: string): Failure {
  try {
    readSource('o.yml', text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the problems of a text', () => {
  it('are all found at once, with places and suggestions', () => {
    const text = [
      'service: web',
      'port: 99999',
      'swpa: plain',
      'swap: plane',
      'hosts:',
      '  - host: a',
      '    wieght: 2',
      '  - 7',
      'env:',
      '  A: 1',
    ].join('\n');
    expect(problemsIn(text)).toEqual([
      '2:7 port: too big: expected number to be <=65535',
      '4:7 swap: must be plain or beside, not "plane" [plain]',
      '7:5 unknown key "wieght" [weight]',
      '8:5 hosts[1]: must be text or a mapping, not 7',
      '10:6 env.A: must be text, not 1',
      '3:1 unknown key "swpa" [swap]',
    ]);
  });

  it('point to the parent of a missing key', () => {
    expect(problemsIn('hosts:\n  - {weight: 2}\n')).toEqual([
      '1:1 service is missing',
      '1:1 port is missing',
      '2:5 hosts[0].host is missing',
    ]);
    expect(problemsIn('')).toEqual(['1:1 must be a mapping, not empty']);
  });

  it('include duplicate keys', () => {
    expect(problemsIn('service: a\nport: 1\nservice: b\n')).toEqual(['3:1 duplicate key "service"']);
  });

  it('point to the anchor of an alias', () => {
    expect(problemsIn('service: web\nport: 1\nhosts: [&a {host: x, wieght: 1}, *a]\n')).toEqual([
      '3:22 unknown key "wieght" [weight]',
      '3:22 unknown key "wieght" [weight]',
    ]);
  });

  it('of a discriminated union are those of the chosen kind', () => {
    const Image = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('build'), context: z.string() }),
      z.strictObject({ kind: z.literal('fixed'), reference: z.string() }),
    ]);
    expect(problemsIn('kind: build\nreference: x\n', Image)).toEqual([
      '1:1 context is missing',
      '2:1 unknown key "reference"',
    ]);
    expect(problemsIn('kind: fixd\n', Image)[0]).toContain('1:7');
    expect(problemsIn('kind: fixd\n', Image)[0]).toContain('[fixed]');
  });
});

describe('a problem', () => {
  it('is formatted with its line, a caret and a suggestion', () => {
    const source = readSource('dir/o.yml', 'a: 1\nstratgey: rolling\n');
    const problem = source.problem(['stratgey'], 'unknown key "stratgey"', {
      end: 'key',
      suggestion: 'strategy',
    });
    expect(formatProblem(problem)).toBe(
      'dir/o.yml:2:1: unknown key "stratgey" - did you mean "strategy"?\n  2 | stratgey: rolling\n    | ^',
    );
  });

  it('can point into a quoted or plain value', () => {
    const source = readSource('o.yml', 'a: "x {{ y }}"\nb: x {{ y }}\n');
    expect(source.problemWithin(['a'], 2, 'm').column).toBe(7);
    expect(source.problemWithin(['b'], 2, 'm').column).toBe(6);
  });

  it('contains no control characters and stays short', () => {
    const problem = { file: 'f', line: 1, column: 3, text: '\u001b[31m\tred\u0007', message: '\u001b[2J' };
    expect(formatProblem(problem)).not.toMatch(/(?!\n)[\p{Cc}]/u);
    expect(formatProblem({ ...problem, text: 'x'.repeat(1_000_000), column: 500_000 }).length).toBeLessThan(
      300,
    );
  });

  it('ends up in a usage failure, sorted by place', () => {
    const source = readSource('o.yml', 'a: 1\nb: 2\n');
    const failure = invalid([source.problem(['b'], 'later'), source.problem(['a'], 'first')]);
    expect([failure.kind, failure.code, failure.message]).toEqual([
      'usage',
      'config.invalid',
      '2 problems in o.yml',
    ]);
    expect(failure.evidence[0]).toBe('o.yml:1:4: first');
  });
});

describe('an invalid text', () => {
  it.each([
    ['a: [1, 2\nb: 3\n', /^o.yml:2:1/],
    ['a: "\n', /missing closing/],
    ['a: b: c\n', /^o.yml:1:4: nested mappings/],
    ['a: 1\n---\nb: 2\n', /^o.yml:2:1: only one document is allowed/],
    ['a: !danger x\n', /unresolved tag/],
    ['%YAML 9.9\n---\na: 1\n', /version/],
  ])('%j is rejected with its place', (text, expected) => {
    expect(rejection(text).evidence[0]).toMatch(expected);
  });

  it.each([
    ['deep flow', '['.repeat(1_000_000)],
    ['deep mappings', '{a: '.repeat(250_000)],
    ['deep sequences', '- '.repeat(500_000)],
    ['endless keys', '? '.repeat(500_000)],
    ['closing brackets', ']'.repeat(1_000_000)],
    ['quotes', '"'.repeat(1_000_000)],
    ['anchors', '&a '.repeat(300_000)],
    ['documents', '---\n'.repeat(250_000)],
    ['size', 'x'.repeat(1_100_000)],
    ['directives', '%\n'.repeat(400_000)],
  ])('is rejected quickly for its %s', (_, text) => {
    expect(rejection(text)).toMatchObject({ kind: 'usage', code: 'config.invalid' });
  });
});

describe('aliases', () => {
  const messages = (text: string) => readSource('o.yml', text).problems.map((problem) => problem.message);

  it('repeat the value of their anchor', () => {
    expect(readSource('o.yml', 'a: &x {b: 1}\nc: *x\n').value).toEqual({ a: { b: 1 }, c: { b: 1 } });
  });

  it('are rejected if they multiply, contain themselves or have no anchor', () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) => `k${i}: &k${i} [${i === 0 ? 1 : `*k${i - 1}, *k${i - 1}`}]`,
    );
    expect(messages(bomb.join('\n'))).toContain('aliases expand to too many values');
    expect(messages('a: &a [*a]\n')).toEqual(['*a contains itself']);
    expect(messages('a: *b\n')).toEqual(['unknown anchor &b']);
    expect(messages('__proto__: {a: 1}\n')).toEqual(['key must be a plain word']);
    expect(messages('? [a]\n: 1\n')).toEqual(['key must be a plain word']);
  });
});

describe('any text', () => {
  it('gives a value, problems or a usage failure', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      '&a ',
      '*a',
      '|',
      '#',
      '? ',
      '!x',
      '\t',
      '%',
      '---',
      '<<',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (text) => {
          try {
            const source = readSource('o.yml', text);
            const result = match(source, Config);
            if ('problems' in result)
              for (const problem of result.problems) expect(formatProblem(problem)).toContain('^');
          } catch (error) {
            if (!(error instanceof Failure)) throw error;
            expect(error.kind).toBe('usage');
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a text with too many problems', () => {
  const rejection = (text: string) => {
    try {
      readSource('o.yml', text);
    } catch (error) {
      if (error instanceof InvalidText) return error.problems;
      throw error;
    }
    throw new Error('it was accepted');
  };

  it('is rejected at a valid place', () => {
    const [problem] = rejection(`a: 1\nb:\n${'- '.repeat(200)}\n`);
    expect(problem).toMatchObject({ line: 3, message: 'nested too deeply' });
    expect(problem?.column).toBeLessThan(401);
  });

  it('reports at most 100 problems', () => {
    expect(rejection('{{ a }}'.repeat(10_000))).toHaveLength(100);
  });
});

describe('the nearest candidate', () => {
  it.each([
    ['stratgey', 'strategy'],
    ['Contianer.start', 'container.start'],
    ['wbe', 'web'],
    ['img', undefined],
    ['x', undefined],
    ['', undefined],
    ['y'.repeat(10_000), undefined],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, ['strategy', 'container.start', 'image', 'a', 'web'])).toBe(expected);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { Failure } from '../../../src/domain/failure.js';
import { InvalidText } from '../../../src/domain/problem.js';
import { Service } from '../../../src/domain/service.js';
import { cpuTime } from '../../fakes/cpu-time.js';
import { configContext } from './context.js';

const reference = readFileSync(new URL('../../../schema/reference.yml', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => !line.trim().startsWith('#'));
const words = [
  'null',
  '[]',
  '{}',
  '~',
  '-1',
  '1e999',
  '"${X}"',
  '"$${"',
  '"${X:-y}"',
  '&a',
  '*a',
  '!!binary x',
  '"\\0"',
  '/',
  '${',
  '- - -',
  '"--privileged"',
  '__proto__: 1',
  'constructor',
  '<<: *a',
  '0x1F',
  '.nan',
  'yes',
  '"a: b"',
  '\t',
  '?',
  '| ',
  '"\u202e"',
];

/** Random edits of a line. */
const mutation = fc.record({
  line: fc.nat(reference.length - 1),
  kind: fc.constantFrom('drop', 'twice', 'indent', 'value', 'key', 'cut', 'swap'),
  word: fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 12, unit: 'binary' })),
  other: fc.nat(reference.length - 1),
});

function mutated(mutations: readonly { line: number; kind: string; word: string; other: number }[]): string {
  const lines = [...reference];
  for (const { line, kind, word, other } of mutations) {
    const text = lines[line] ?? '';
    if (kind === 'drop') lines[line] = '';
    if (kind === 'twice') lines[line] = `${text}\n${text}`;
    if (kind === 'indent') lines[line] = `  ${text}`;
    if (kind === 'value') lines[line] = text.replace(/:.*$/, () => `: ${word}`);
    if (kind === 'key') lines[line] = text.replace(/[\w-]+:/, () => `${word}:`);
    if (kind === 'cut') lines[line] = text.slice(0, text.length / 2);
    if (kind === 'swap') [lines[line], lines[other]] = [lines[other] ?? '', text];
  }
  return lines.join('\n');
}

async function judge(text: string): Promise<void> {
  const setting = configContext({ '/project/oneclick.yml': text }, { X: '$(reboot)', HOME: '/home/me' });
  const started = cpuTime();
  try {
    const project = await loadProject(setting);
    for (const { name } of project.environments) {
      const { environment } = await resolveEnvironment(project, name, setting);
      for (const service of environment.services) Service.parse(service);
      for (const host of environment.hosts) expect(host.address).toMatch(/^[A-Za-z0-9:]/);
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.kind).toBe('usage');
    const lines = text.split('\n').length;
    for (const { line, column } of error instanceof InvalidText ? error.problems : []) {
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lines);
      expect(column).toBeGreaterThanOrEqual(1);
    }
  }
  expect(cpuTime() - started).toBeLessThan(2000);
}

describe('any text', () => {
  it('derived from a configuration is valid or has problems with positions, in bounded time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) =>
        judge(mutated(mutations)),
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it.each([
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x]\n${'bcdefghi'.replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(8)}]\n`)}`,
    ],
    ['deep nesting', `project: ${'['.repeat(5000)}`],
    ['a very long word', `project: ${'a'.repeat(500_000)}`],
    ['many words', `project: shop\nservices: {web: {image: a, command: "${'a '.repeat(100_000)}"}}`],
    [
      'a long address',
      `project: shop\nservices: {web: {image: a}}\nenvironments: {live: {hosts: ["${'a-'.repeat(50_000)}!"]}}`,
    ],
    [
      'a long signal and user',
      `project: shop\nservices: {web: {image: a, user: "${'a.'.repeat(50_000)}!", stop: {signal: "${'A'.repeat(100_000)}!"}}}`,
    ],
    ['a long volume', `project: shop\nservices: {web: {image: a, volumes: ["${'/a'.repeat(50_000)}:"]}}`],
    ['many references', `project: shop\nservices: {web: {image: a, env: {A: "${'${'.repeat(50_000)}"}}}`],
    [
      'many closed references',
      `project: shop\nservices: {web: {image: a, env: {A: "${'${A:-'.repeat(20_000)}${'}'.repeat(20_000)}"}}}`,
    ],
  ])('is checked in bounded time: %s', (_, text) => judge(text), 20_000);
});

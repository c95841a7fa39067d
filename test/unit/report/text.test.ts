import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { ago, bytes, duration } from '../../../src/domain/measure.js';
import { cut, hanging, mapTexts, onHosts, printable, width, wrap } from '../../../src/report/text.js';

describe('printable text', () => {
  it('has no terminal escapes', () => {
    expect(printable('\u001b[31mred\u001b[0m \u001b[2J\u001b[Hgone')).toBe('red gone');
    expect(printable('\u001b]0;title\u0007text')).toBe('text');
    expect(printable('\u001b]8;;http://evil.example\u001b\\link\u001b]8;;\u001b\\')).toBe('link');
    expect(printable('half an escape \u001b')).toBe('half an escape ');
    expect(printable('\u009b31mC1')).not.toContain('\u009b');
  });

  it('has no control characters except newlines, and none that reorder or hide text', () => {
    expect(printable('a\u0000b\u0008c\u007fd')).toBe('abcd');
    expect(printable('abc\u202edcba\u2066')).toBe('abcdcba');
    expect(printable('one\r\ntwo\rthree\u2028four\tfive')).toBe('one\ntwo\nthree\nfour five');
  });

  it('has a maximum length', () => {
    expect(printable('x'.repeat(1_000_000))).toHaveLength(4_001);
  });
});

describe('the width of text', () => {
  it('counts columns, not characters', () => {
    expect(width('web-1')).toBe(5);
    expect(width('日本')).toBe(4);
    expect(width('e\u0301')).toBe(1);
    expect(width('🚀')).toBe(2);
    expect(width('\u001b[31mred\u001b[0m')).toBe(3);
    expect(width('✓ ━━ …')).toBe(6);
  });
});

describe('cutting and wrapping', () => {
  it('cuts a line at its columns and marks the cut', () => {
    expect(cut('pull api:v2', 11)).toBe('pull api:v2');
    expect(cut('pull api:v2', 8)).toBe('pull ap…');
    expect(cut('two\n  lines', 20)).toBe('two lines');
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut('any', 0)).toBe('');
  });

  it('wraps at spaces, and inside a word only if it must', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
    expect(wrap('a\n\nb', 4)).toEqual(['a', '', 'b']);
    expect(hanging('one two three', 9, '! ')).toEqual(['! one two', '  three']);
  });

  it('names as many hosts as fit', () => {
    expect(onHosts(['a'])).toBe('on a');
    expect(onHosts(['a', 'b', 'c'])).toBe('on 3 hosts (a, b, c)');
    expect(onHosts(['web-1', 'web-2', 'web-3'], 30)).toBe('on 3 hosts (web-1 and 2 more)');
    expect(onHosts(['web-1', 'web-2'], 10)).toBe('on 2 hosts');
    expect(onHosts([])).toBe('');
  });
});

describe('the texts of a value', () => {
  it('are mapped at any depth; errors become their records, dates stay', () => {
    const at = new Date(0);
    const problem = new Failure('access', 'key', 'refused', { host: 'a' });
    expect(mapTexts({ a: ['x', { b: 'y' }], at, n: 1, problem }, (text) => text.toUpperCase())).toEqual({
      a: ['X', { b: 'Y' }],
      at,
      n: 1,
      problem: { kind: 'ACCESS', code: 'KEY', message: 'REFUSED', host: 'A', evidence: [] },
    });
  });
});

describe('measures', () => {
  it('format durations', () => {
    expect([0, 120, 4_200, 59_940, 59_960, 63_000, 3_599_600, 7_500_000, 273_600_000].map(duration)).toEqual([
      '0.0s',
      '0.1s',
      '4.2s',
      '59.9s',
      '1m 0s',
      '1m 3s',
      '1h 0m',
      '2h 5m',
      '3d 4h',
    ]);
  });

  it('format times ago', () => {
    const now = new Date('2026-01-31T12:00:00Z');
    const past = (ms: number) => ago(new Date(now.getTime() - ms), now);
    expect(
      [-5_000, 59_000, 60_000, 3 * 60_000, 3_600_000, 2 * 86_400_000, 40 * 86_400_000].map(past),
    ).toEqual([
      'just now',
      'just now',
      '1 minute ago',
      '3 minutes ago',
      '1 hour ago',
      '2 days ago',
      '1 month ago',
    ]);
  });

  it('format sizes in decimal units', () => {
    expect([0, 512, 1_000, 40_200_000, 999_960, 2_500_000_000].map(bytes)).toEqual([
      '0 B',
      '512 B',
      '1.0 kB',
      '40.2 MB',
      '1.0 MB',
      '2.5 GB',
    ]);
  });
});

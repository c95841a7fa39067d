import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { interpolate } from '../../../src/config/interpolate.js';
import {
  ParseError,
  parseDuration,
  parsePort,
  parseSize,
  parseSshAddress,
} from '../../../src/config/parsers.js';
import { splitWords } from '../../../src/config/split-words.js';

describe('notations', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('the duration %s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each([
    ['512m', 536_870_912],
    ['1.5g', 1_610_612_736],
    ['8192k', 8_388_608],
  ])('the size %s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each([
    ['3000', { host: 3000, container: 3000 }],
    ['80:3000', { host: 80, container: 3000 }],
    ['127.0.0.1:80:3000', { address: '127.0.0.1', host: 80, container: 3000 }],
    ['[::1]:80:3000', { address: '::1', host: 80, container: 3000 }],
  ])('the port %s', (text, port) => expect(parsePort(text)).toEqual(port));

  it.each([
    ['10.0.0.5', { address: '10.0.0.5' }],
    ['web-1.example.com', { address: 'web-1.example.com' }],
    ['deploy@web:2222', { user: 'deploy', address: 'web', port: 2222 }],
    ['2001:db8::1', { address: '2001:db8::1' }],
    ['root@[2001:db8::1]:22', { user: 'root', address: '2001:db8::1', port: 22 }],
  ])('the address %s', (text, address) => expect(parseSshAddress(text)).toEqual(address));

  it.each(['-J', '-oProxyCommand=x', 'a b', 'a;b', '@a', 'a@', 'a:0', 'a:99999', '$(x)', '-l@a', ''])(
    '%j is not an address',
    (text) => expect(() => parseSshAddress(text)).toThrow(ParseError),
  );
});

describe('the words of a command', () => {
  it.each([
    ['node server.js', ['node', 'server.js']],
    ['  a\tb ', ['a', 'b']],
    [`a 'b c' "d e" f\\ g`, ['a', 'b c', 'd e', 'f g']],
    [`a "b \\"c\\"" 'd "e"' ''`, ['a', 'b "c"', 'd "e"', '']],
    [`a --x='y z'b`, ['a', '--x=y zb']],
    ['a b#c d~e', ['a', 'b#c', 'd~e']],
  ])('%j', (text, words) => expect(splitWords(text)).toEqual(words));

  it.each([
    'a | b',
    'a && b',
    'a > b',
    'a $B',
    'a `b`',
    'a "$B"',
    'a *',
    'a # b',
    'cd ~',
    'A=1 b',
    'a\nb',
    "a '",
    '',
  ])('%j requires a shell', (text) => expect(() => splitWords(text)).toThrow(ParseError));

  it('survive a round trip through quoting', () => {
    const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
        fc.pre(!/^[A-Za-z_]\w*=/.test(words[0] ?? ''));
        expect(splitWords(words.map(quoted).join(' '))).toEqual(words);
      }),
    );
  });
});

describe('variables', () => {
  const variables = { A: 'x', EMPTY: '', EVIL: '${A} $(reboot) $$' };

  it.each([
    ['${A}-${A}', 'x-x'],
    ['${EMPTY}', ''],
    ['${EMPTY:-y}', 'y'],
    ['${NONE:-}', ''],
    ['$$ $A $(A) ${A}', '$ $A $(A) x'],
    ['$${A}', '${A}'],
    ['${EVIL}', '${A} $(reboot) $$'],
  ])('%j is %j', (text, value) => expect(interpolate(text, variables)).toBe(value));

  it.each([
    '${NONE}',
    '${constructor}',
    '${__proto__}',
    '${',
    '${A',
    '${A:=b}',
    '${A:-${A}}',
    '${}',
    '${A b}',
  ])('%j is rejected', (text) => expect(() => interpolate(text, variables)).toThrow(ParseError));
});

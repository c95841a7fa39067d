import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { commandLine, needsNoQuotes, word } from '../../../src/domain/shell.js';

const hostile = fc.string({
  unit: fc.constantFrom(...'\'"\\$`!*?[]{}()<>|&;#~ \t\n\r-=%é\u{1f600}\u200d\u202e\u2028\u001b\u0007ab'),
  maxLength: 30,
});

const shellOutput = (line: string) => spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8' }).stdout;

describe('a command line', () => {
  it('preserves every word in a shell and in a nested shell', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), (words) => {
        const expected = words.map((text) => `<${text}>`).join('');
        const line = commandLine(['printf', '<%s>', 'x', ...words]);
        expect(shellOutput(line)).toBe(`<x>${expected}`);
        expect(shellOutput(commandLine(['sh', '-c', line]))).toBe(`<x>${expected}`);
      }),
      { numRuns: 60 },
    );
  });

  it('has no control or invisible characters', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(word(text)).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
    expect(word('a\u001b[2Jb')).toBe(`'a'"$(printf '\\033')"'[2Jb'`);
  });

  it('has quotes only if needed', () => {
    expect(commandLine(['docker', 'stop', '-t', '10', 'web@sha256:0'])).toBe(
      'docker stop -t 10 web@sha256:0',
    );
    expect(commandLine(['echo', '', 'a b', '=x', '~', "it's"])).toBe(`echo '' 'a b' '=x' '~' 'it'\\''s'`);
  });

  it('needs no quotes if it has no special characters', () => {
    expect(needsNoQuotes('docker pull web@sha256:0')).toBe(true);
    for (const line of ['a  b', 'a ', 'echo $HOME', "echo 'a'", 'a\nb', ''])
      expect(needsNoQuotes(line)).toBe(false);
  });
});

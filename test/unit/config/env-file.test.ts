import { describe, expect, it } from '@jest/globals';
import { namesWithVariables, readEnvFile } from '../../../src/config/env-file.js';
import { failureOf } from './context.js';

describe('an env file', () => {
  it.each([
    ['A=1', '1'],
    ['export A=1', '1'],
    ['  A = one two  ', 'one two'],
    ['A=a#b', 'a#b'],
    ['A=a # b', 'a'],
    ['A=# b', ''],
    ['A=', ''],
    ["A='a # $B \\n'", 'a # $B \\n'],
    ['A="a\\n\\"b\\" \\$C \\d" # note', 'a\n"b" $C \\d'],
    ['A="one\ntwo"', 'one\ntwo'],
    ['A=$HOME', '$HOME'],
    ['A=1\r\n', '1'],
    ['\uFEFFA=1', '1'],
    ['# A=2\n\nA=1', '1'],
    ['A=2\nA=1', '1'],
    ['A=postgres://u:p@h/db?x=y', 'postgres://u:p@h/db?x=y'],
  ])('reads %j', (text, value) => {
    expect(readEnvFile('.env', text).get('A')).toBe(value);
  });

  it.each([
    ['A=x${B}', ['A']],
    ['A="x${B:-y}"', ['A']],
    ["A='x${B}'", []],
    ['A="x\\${B}"', []],
    ['B=1\nA=x$B', ['A']],
    ['B=1\nA=x$BC', []],
    ['A=pa$$w0rd\nC=a$b\nD="a$b"\nE=${', []],
  ])('names the values in which docker compose replaces variables: %j', (text, names) => {
    expect(namesWithVariables('.env', text)).toEqual(names);
  });

  it('reports every invalid line without printing a value', async () => {
    const text = 'hunter2\nB="hunter2\n';
    const failure = await failureOf(async () =>
      readEnvFile('.env.live', `A='x' hunter2\n1=hunter2\n${text}`),
    );
    expect(failure.evidence.filter((line) => line.startsWith('.env'))).toEqual([
      '.env.live:1:1: unexpected text after the closing quote of A',
      '.env.live:2:1: expected NAME=value',
      '.env.live:3:1: expected NAME=value',
      '.env.live:4:1: B has an unclosed quote',
    ]);
    expect(JSON.stringify(failure) + failure.message).not.toContain('hunter2');
  });
});

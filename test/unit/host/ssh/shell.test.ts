import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterMarker, shellLine } from '../../../../src/host/ssh/shell.js';

/** What a login shell makes of it. */
function login(command: Parameters<typeof shellLine>[0], noise = '') {
  const { line, input } = shellLine(command);
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', `${noise}${line}`], {
    input,
    encoding: 'utf8',
  });
  return { code: status, stdout: afterMarker(stdout), stderr: afterMarker(stderr), line };
}

const hostile = fc.string({
  unit: fc.constantFrom(...'\'"\\$`!*?[]{}()<>|&;#~ \t\n\r-=%é\u{1f600}ab'),
  maxLength: 30,
});

describe('a command on a host', () => {
  it('gets its words exactly as they are', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), (words) => {
        const script = 'for word; do printf "<%s>" "$word"; done';
        const { stdout } = login({ argv: ['sh', '-c', script, 'sh', ...words] });
        expect(stdout).toBe(words.map((word) => `<${word}>`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('gets its environment and its input exactly as they are, even with trailing newlines', () => {
    fc.assert(
      fc.property(hostile, hostile, (value, stdin) => {
        const argv = ['sh', '-c', 'printf "<%s>" "$SECRET"; cat'];
        expect(login({ argv, env: { SECRET: value }, stdin }).stdout).toBe(`<${value}>${stdin}`);
      }),
      { numRuns: 60 },
    );
  });

  it('is not seen in what the login shell is given', () => {
    const { line } = shellLine({ argv: ['echo', 'word'], env: { TOKEN: 'hunter2' }, stdin: 'input' });
    expect(line).toMatch(/^exec sh -c 'eval "\$\(head -c \d+\)"'$/);
  });

  it('answers with its own exit code and without what the login shell said first', () => {
    const noise = 'echo Welcome; echo careful >&2; ';
    expect(login({ argv: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }, noise)).toMatchObject({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('says 127 for a program that is not there', () => {
    expect(login({ argv: ['no-such-program'] }).code).toBe(127);
  });

  it('never began when the login shell refused', () => {
    expect(login({ argv: ['true'] }, 'echo This account is not available; exit 1; ').stdout).toBeUndefined();
  });

  it('refuses a NUL character and a strange name of a variable', () => {
    expect(() => shellLine({ argv: ['a\0b'] })).toThrow(TypeError);
    expect(() => shellLine({ argv: ['a'], env: { 'A;B': '' } })).toThrow(TypeError);
  });
});

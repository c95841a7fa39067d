import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterMarker, shellLine } from '../../../../src/host/ssh/shell.js';

/** Runs a line in a login shell. */
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
  it('receives its arguments unchanged', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), (words) => {
        const script = 'for word; do printf "<%s>" "$word"; done';
        const { stdout } = login({ argv: ['sh', '-c', script, 'sh', ...words] });
        expect(stdout).toBe(words.map((word) => `<${word}>`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('receives its environment and input unchanged, including trailing newlines', () => {
    fc.assert(
      fc.property(hostile, hostile, (value, stdin) => {
        const argv = ['sh', '-c', 'printf "<%s>" "$SECRET"; cat'];
        expect(login({ argv, env: { SECRET: value }, stdin }).stdout).toBe(`<${value}>${stdin}`);
      }),
      { numRuns: 60 },
    );
  });

  it("does not appear in the login shell's arguments", () => {
    const { line } = shellLine({ argv: ['echo', 'word'], env: { TOKEN: 'hunter2' }, stdin: 'input' });
    expect(line).toMatch(/^exec sh -c 'eval "\$\(head -c \d+\)"'$/);
  });

  it("returns its own exit code, without the login shell's output", () => {
    const noise = 'echo Welcome; echo careful >&2; ';
    expect(login({ argv: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }, noise)).toMatchObject({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('returns 127 for a missing program', () => {
    expect(login({ argv: ['no-such-program'] }).code).toBe(127);
  });

  it('has not started if the login shell refused', () => {
    expect(login({ argv: ['true'] }, 'echo This account is not available; exit 1; ').stdout).toBeUndefined();
  });

  it('rejects a NUL character and an invalid variable name', () => {
    expect(() => shellLine({ argv: ['a\0b'] })).toThrow(TypeError);
    expect(() => shellLine({ argv: ['a'], env: { 'A;B': '' } })).toThrow(TypeError);
  });
});

import { describe, expect, it } from '@jest/globals';
import { LineSplitter } from '../../../src/app/line-splitter.js';
import { runLocal } from '../../../src/app/local-command.js';

describe('the output of a local command', () => {
  it('arrives line by line, however it is written', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const text of ['hun', 'ter2\nsec', 'ond\n\n', 'last']) splitter.take(text);
    expect(lines).toEqual(['hunter2', 'second']);
    splitter.end();
    expect(lines).toEqual(['hunter2', 'second', 'last']);
  });

  it('has no partial line at its start if it is too long', async () => {
    const script = 'i=0; while [ $i -lt 5000 ]; do echo "line-$i-of-twenty-c"; i=$((i+1)); done; printf end';
    const lines: string[] = [];
    const place = { cwd: '/', env: { PATH: '/usr/bin:/bin' } };
    const { stdout } = await runLocal({ argv: ['sh', '-c', script], timeout: 0 }, place, (line) =>
      lines.push(line),
    );
    expect(stdout.length).toBeGreaterThan(60_000);
    expect(stdout).toMatch(/^line-\d+-of-twenty-c\n/);
    expect([lines.length, lines.at(-1)]).toEqual([5001, 'end']);
  });
});

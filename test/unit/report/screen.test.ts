import { describe, expect, it } from '@jest/globals';
import { JsonReporter } from '../../../src/report/json.js';
import { PlainReporter } from '../../../src/report/plain.js';
import type { Reporter } from '../../../src/report/reporter.js';
import { plainStyle } from '../../../src/report/style.js';
import { TerminalReporter } from '../../../src/report/terminal.js';
import { MovableClock } from '../../fakes/clock.js';
import { BufferOutput } from '../../fakes/output.js';
import { TerminalModel } from '../../fakes/terminal.js';

const clock = new MovableClock();
const show = (reporter: Reporter, ...lines: readonly string[]) =>
  reporter.screen({ lines }, (document) => document.lines.map((line) => `${line}\n`).join(''));

describe('a result that changes', () => {
  it('is redrawn on a terminal, and never taller than it', () => {
    const output = new BufferOutput({ columns: 40, interactive: true });
    output.rows = 5;
    const terminal = new TerminalModel(40);
    output.stdout.tap = (text) => terminal.write(text.replaceAll('\n', '\r\n'));
    const style = { style: plainStyle, resultStyle: plainStyle };
    const reporter = new TerminalReporter({ output, clock, detail: 'usual', spin: (text) => text, ...style });
    show(reporter, 'one', 'two', 'three');
    show(reporter, 'one', 'four');
    expect(terminal.screen.trimEnd()).toBe('one\nfour');
    show(reporter, ...'abcdefg');
    expect(terminal.screen.trimEnd()).toBe('a\nb\nc\n…');
  });

  it('is a block of lines per change elsewhere', () => {
    const output = new BufferOutput({ columns: Number.POSITIVE_INFINITY });
    const style = { style: plainStyle, resultStyle: plainStyle };
    const reporter = new PlainReporter({ output, clock, detail: 'usual', ci: undefined, ...style });
    for (const line of ['one', 'one', 'two']) show(reporter, line);
    reporter.close();
    expect(output.stdout.text).toBe('one\n\ntwo\n');
  });

  it('is a document per change as JSON', () => {
    const output = new BufferOutput();
    const reporter = new JsonReporter(output, clock, 'usual');
    for (const line of ['one', 'one', 'two']) show(reporter, line);
    const documents = output.stdout.text.split('\n}\n').filter((text) => text !== '');
    expect(documents.map((text) => JSON.parse(`${text}}`))).toEqual([
      { schema: 1, lines: ['one'] },
      { schema: 1, lines: ['two'] },
    ]);
  });
});

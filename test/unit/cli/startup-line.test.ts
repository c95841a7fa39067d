import { describe, expect, it } from '@jest/globals';
import { startupLine } from '../../../src/cli/startup-line.js';
import { TerminalModel } from '../../fakes/terminal.js';

const loud = { json: false, plain: false, detail: 'usual' } as const;

const shown = (
  flags: Parameters<typeof startupLine>[3],
  env: Readonly<Record<string, string>> = {},
  isTTY = true,
) => {
  const terminal = new TerminalModel(80);
  const screen = { isTTY, write: (text: string) => terminal.write(text.replaceAll('\n', '\r\n')) };
  const unveil = startupLine(screen, 'config check', env, flags);
  const first = terminal.screen;
  unveil();
  unveil();
  return [first, terminal.screen];
};

describe('the first sign of a command', () => {
  it('is a line that is taken away again', () => {
    expect(shown(loud)).toEqual(['⠋ config check', '']);
  });

  it('is a sentence that stays where nothing is drawn over', () => {
    for (const said of [shown({ ...loud, plain: true }), shown(loud, { TERM: 'dumb' })])
      expect(said).toEqual(['starting config check', 'starting config check']);
  });

  it('is not given where nobody looks, or wants to', () => {
    const none = ['', ''];
    expect(shown(loud, {}, false)).toEqual(none);
    expect(shown(loud, { CI: 'true' })).toEqual(none);
    expect(shown({ ...loud, json: true })).toEqual(none);
    expect(shown({ ...loud, detail: 'quiet' })).toEqual(none);
  });
});

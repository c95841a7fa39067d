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

describe('the startup line', () => {
  it('is cleared again', () => {
    expect(shown(loud)).toEqual(['⠋ config check', '']);
  });

  it('stays on plain terminals', () => {
    for (const said of [shown({ ...loud, plain: true }), shown(loud, { TERM: 'dumb' })])
      expect(said).toEqual(['starting config check', 'starting config check']);
  });

  it('is not printed without a terminal, in CI, as JSON, or with --quiet', () => {
    const none = ['', ''];
    expect(shown(loud, {}, false)).toEqual(none);
    expect(shown(loud, { CI: 'true' })).toEqual(none);
    expect(shown({ ...loud, json: true })).toEqual(none);
    expect(shown({ ...loud, detail: 'quiet' })).toEqual(none);
  });
});

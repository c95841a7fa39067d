import type { Context } from '../app/context.js';
import { isCi } from '../report/output.js';
import type { Globals } from './global-flags.js';

/** The stream that the line is written to. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Writes the name of the command to a terminal while its code is loading. Returns a function that clears the line before
 * other output; it can be called more than once.
 */
export function startupLine(
  screen: Screen,
  name: string,
  { CI, TERM }: Context['env'],
  { json, plain, detail }: Pick<Globals, 'json' | 'plain' | 'detail'>,
): () => void {
  const isAttended = screen.isTTY === true && !isCi({ CI });
  if (!isAttended || json || detail === 'quiet') return () => undefined;
  if (plain || TERM === 'dumb') {
    screen.write(`starting ${name}\n`);
    return () => undefined;
  }
  let shown = true;
  screen.write(`\u280b ${name}`);
  return () => {
    if (shown) screen.write('\r\u001b[K');
    shown = false;
  };
}

import type { Context } from '../app/context.js';
import { isCi } from '../report/output.js';
import type { Globals } from './global-flags.js';

/** Where the first sign is given. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Says on a terminal that a command is under way, at once: what it needs is still to be loaded. Gives back what takes the line away
 * again, to be called before anything else is written there; more often is all right.
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
    screen.write(`${name} begins\n`);
    return () => undefined;
  }
  let shown = true;
  screen.write(`\u280b ${name}`);
  return () => {
    if (shown) screen.write('\r\u001b[K');
    shown = false;
  };
}

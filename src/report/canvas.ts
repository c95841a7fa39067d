import { width } from './text.js';

/** Whole lines are erased before they are drawn: tmux counts what is erased behind a text as part of its line. */
const erase = '\u001b[2K';

/** The cursor of a terminal. */
export const cursor = { hide: '\u001b[?25l', show: '\u001b[?25h' } as const;

/**
 * Lines at the bottom of a terminal that are drawn over and over. Each drawing is one text to write, which leaves
 * the cursor at the start of the line below.
 */
export class Canvas {
  #drawn: readonly string[] = [];

  get empty(): boolean {
    return this.#drawn.length === 0;
  }

  /**
   * What draws `above`, lines that stay, and `lines` below them over what was drawn before. `columns` is the width
   * now: a terminal that has become narrower has wrapped the old lines.
   */
  draw(above: readonly string[], lines: readonly string[], columns: number): string {
    const old = this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(width(line) / columns)), 0);
    this.#drawn = lines;
    const rest = Math.max(0, old - above.length - lines.length);
    return [
      up(old),
      ...[...above, ...lines].map((line) => `${erase}${line}\n`),
      // Row by row: tmux moves what is erased from the top of the screen downwards into its history.
      `${erase}\n`.repeat(rest) + up(rest),
      '\u001b[J',
    ].join('');
  }
}

const up = (rows: number) => (rows === 0 ? '' : `\u001b[${rows}A\r`);

import { width } from './text.js';

/** Erases the whole line first: tmux keeps what is erased behind a text as part of its line. */
const erase = '\u001b[2K';

/** Escapes that hide and show the cursor. */
export const cursor = { hide: '\u001b[?25l', show: '\u001b[?25h' } as const;

/** Lines at the bottom of a terminal that are redrawn in place. Leaves the cursor at the start of the next line. */
export class Canvas {
  #drawn: readonly string[] = [];

  get empty(): boolean {
    return this.#drawn.length === 0;
  }

  /**
   * Returns the text that replaces the previous lines with `above`, which stay, and `lines`. `columns` is the current
   * width: a terminal that became narrower has wrapped the old lines.
   */
  draw(above: readonly string[], lines: readonly string[], columns: number): string {
    const old = this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(width(line) / columns)), 0);
    this.#drawn = lines;
    const rest = Math.max(0, old - above.length - lines.length);
    return [
      up(old),
      ...[...above, ...lines].map((line) => `${erase}${line}\n`),
      // Row by row: tmux moves rows erased at once into its history.
      `${erase}\n`.repeat(rest) + up(rest),
      '\u001b[J',
    ].join('');
  }
}

const up = (rows: number) => (rows === 0 ? '' : `\u001b[${rows}A\r`);

interface Row {
  text: string;
  /** Whether the line continues in the next row. */
  wrapped: boolean;
}

/** A terminal that wraps, moves up, erases, and wraps again when resized. */
export class TerminalModel {
  columns: number;
  cursorShown = true;
  /** The maximum columns of a line so far. */
  widest = 0;
  #rows: Row[] = [{ text: '', wrapped: false }];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  /** The text on the screen, including scrolled lines, without trailing empty rows. */
  get screen(): string {
    return this.#rows
      .map(({ text }) => text.trimEnd())
      .join('\n')
      .trimEnd();
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of a terminal begin with one
    for (const part of text.match(/\u001b\[[?0-9;]*[A-Za-z]|[\s\S]/gu) ?? []) this.#take(part);
  }

  /** Changes the width and wraps lines again. The cursor must be at the start of a line. */
  resize(columns: number): void {
    const lines: string[] = [];
    let open = false;
    let cursor = 0;
    this.#rows.forEach((row, index) => {
      if (index === this.#row) cursor = lines.length;
      if (open) lines[lines.length - 1] += row.text;
      else lines.push(row.text);
      open = row.wrapped;
    });
    this.columns = columns;
    this.#rows = [];
    lines.forEach((line, index) => {
      if (index === cursor) this.#row = this.#rows.length;
      const count = Math.max(1, Math.ceil(line.trimEnd().length / columns));
      for (let at = 0; at < count; at += 1) {
        this.#rows.push({ text: line.slice(at * columns, (at + 1) * columns), wrapped: at < count - 1 });
      }
    });
  }

  #take(part: string): void {
    if (part === '\r') this.#column = 0;
    else if (part === '\n') this.#down(false);
    else if (part.startsWith('\u001b')) this.#control(part);
    else this.#put(part);
  }

  #control(part: string): void {
    const number = Number(part.slice(2, -1)) || 1;
    if (part === '\u001b[?25l') this.cursorShown = false;
    else if (part === '\u001b[?25h') this.cursorShown = true;
    else if (part.endsWith('A')) this.#row = Math.max(0, this.#row - number);
    else if (part.endsWith('K')) this.#cut();
    else if (part.endsWith('J')) {
      this.#cut();
      this.#rows = this.#rows.slice(0, this.#row + 1);
    } else if (!part.endsWith('m'))
      throw new Error(`The terminal model does not know ${JSON.stringify(part)}`);
  }

  #put(character: string): void {
    if (this.#column === this.columns) this.#down(true);
    const row = this.#current();
    row.text =
      row.text.padEnd(this.#column).slice(0, this.#column) + character + row.text.slice(this.#column + 1);
    this.#column += 1;
    this.widest = Math.max(this.widest, this.#column);
  }

  #down(wrapped: boolean): void {
    this.#current().wrapped = wrapped;
    this.#row += 1;
    this.#column = 0;
    this.#current();
  }

  #cut(): void {
    const row = this.#current();
    row.text = row.text.slice(0, this.#column);
    row.wrapped = false;
  }

  #current(): Row {
    const row = this.#rows[this.#row] ?? { text: '', wrapped: false };
    this.#rows[this.#row] = row;
    return row;
  }
}

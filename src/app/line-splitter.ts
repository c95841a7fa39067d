/** Characters to keep of an unfinished line. */
const maxLineLength = 65_536;

/** Splits chunks of text into lines, so that a secret that spans chunks is redacted. Skips blank lines. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  take(text: string): void {
    const parts = `${this.#rest}${text}`.split(/[\r\n]+/);
    this.#rest = (parts.pop() ?? '').slice(-maxLineLength);
    for (const part of parts) this.#emit(part);
  }

  end(): void {
    this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    if (line.trim() !== '') this.#onLine(line.trimEnd());
  }
}

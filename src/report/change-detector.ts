/** Detects whether a document has changed. */
export class ChangeDetector {
  #last: string | undefined;

  /** Whether {@link isNew} has not been called yet. */
  get isFirst(): boolean {
    return this.#last === undefined;
  }

  /** Whether the document differs from the last one; remembers it. */
  isNew(document: object): boolean {
    const text = JSON.stringify(document);
    if (text === this.#last) return false;
    this.#last = text;
    return true;
  }
}

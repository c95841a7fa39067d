/** Knows whether a document has changed since the last time. */
export class ChangeDetector {
  #last: string | undefined;

  /** Whether none came yet. */
  get isFirst(): boolean {
    return this.#last === undefined;
  }

  isNew(document: object): boolean {
    const text = JSON.stringify(document);
    if (text === this.#last) return false;
    this.#last = text;
    return true;
  }
}

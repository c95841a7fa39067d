/** What was copied. */
export class Tally {
  files = 0;
  bytes = 0;

  /** A file of this size. */
  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }
}

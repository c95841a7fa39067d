/** Counts copied files and bytes. */
export class CopyCount {
  files = 0;
  bytes = 0;

  /** Adds a file. */
  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }
}

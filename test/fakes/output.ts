import type { Output, Sink } from '../../src/report/output.js';

/** A stream that keeps what was written to it. */
export class BufferSink implements Sink {
  readonly color = false;
  columns: number;
  text = '';
  /** Also given every text that is written. */
  tap: ((text: string) => void) | undefined;
  /** What writers wait for: a reader that is slow, or has gone. */
  reader: () => Promise<boolean> = async () => true;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
    this.tap?.(text);
  }

  writeRaw(data: Buffer): void {
    this.write(data.toString());
  }

  ready(): Promise<boolean> {
    return this.reader();
  }
}

/** An output in memory, without colour. */
export class BufferOutput implements Output {
  readonly stdout: BufferSink;
  readonly stderr: BufferSink;
  readonly attended: boolean;
  readonly interactive: boolean;
  rows = 24;
  redact: (text: string) => string = (text) => text;
  readonly #restores = new Set<() => void>();

  constructor({ columns = 80, interactive = false } = {}) {
    this.stdout = new BufferSink(columns);
    this.stderr = new BufferSink(columns);
    this.attended = interactive;
    this.interactive = interactive;
  }

  atExit(restore: () => void): () => void {
    this.#restores.add(restore);
    return () => this.#restores.delete(restore);
  }

  /** What happens when the process exits. */
  exit(): void {
    for (const restore of this.#restores) restore();
  }
}

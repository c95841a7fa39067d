import type { Clock } from '../../domain/clock.js';

/** A line with a time that sorts as text. */
interface Timed {
  readonly time: string;
  readonly text: string;
}

export interface MergeOptions<Line> {
  readonly clock: Clock;
  /** How long a line waits for earlier lines of other sources, ms; infinite to wait for all sources. */
  readonly window: number;
  /** Takes lines in order; must resolve before the next call. */
  readonly write: (lines: readonly Line[]) => Promise<void>;
  /** Characters to buffer per source. Default: a million. */
  readonly capacity?: number;
}

/** Takes the lines of one source, in order. */
export interface LogInput<Line> {
  /** Resolves when more lines can be pushed. */
  push(lines: readonly Line[]): Promise<void>;
  /** Ends the source, so that the others stop waiting for it. */
  end(): void;
}

interface Queue<Line> {
  readonly lines: { readonly line: Line; readonly arrived: number }[];
  /** Index of the next line to write. */
  next: number;
  size: number;
  open: boolean;
  wake: () => void;
}

/** Lines to write at once. */
const batchSize = 500;
/** Characters counted per line in addition to its text. */
const overhead = 100;

/**
 * Merges lines of several sources by time. Writes a line once every source has a later one, or once a line has waited for
 * the whole window. Fast sources wait for slow ones.
 */
export class LogMerge<Line extends Timed> {
  readonly #options: MergeOptions<Line>;
  readonly #capacity: number;
  readonly #queues: Queue<Line>[] = [];
  #changed: () => void = () => undefined;

  constructor(options: MergeOptions<Line>) {
    this.#options = options;
    this.#capacity = options.capacity ?? 1024 * 1024;
  }

  /** Adds a source. Must be called before {@link run}, for it to wait for the source. */
  open(): LogInput<Line> {
    const queue: Queue<Line> = { lines: [], next: 0, size: 0, open: true, wake: () => undefined };
    this.#queues.push(queue);
    const { clock } = this.#options;
    return {
      push: async (lines) => {
        const arrived = clock.monotonic();
        for (const line of lines) {
          queue.lines.push({ line, arrived });
          queue.size += line.text.length + overhead;
        }
        if (lines.length > 0) this.#changed();
        if (queue.size > this.#capacity)
          await new Promise<void>((resolve) => {
            queue.wake = resolve;
          });
      },
      end: () => {
        queue.open = false;
        this.#changed();
      },
    };
  }

  /** Resolves when all sources have ended and all lines are written; rejects with the signal's reason or an error of `write`. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const lines = this.#due();
      if (lines.length > 0) await this.#options.write(lines);
      else if (this.#queues.every((queue) => !queue.open)) return;
      else await this.#waitForChange(signal);
    }
  }

  /** The lines that may be written now, in order. */
  #due(): readonly Line[] {
    const lines: Line[] = [];
    const late = this.#options.clock.monotonic() - this.#options.window;
    while (lines.length < batchSize) {
      let first: Queue<Line> | undefined;
      let [mustWait, isLate] = [false, false];
      for (const queue of this.#queues) {
        const head = queue.lines[queue.next];
        if (head === undefined) mustWait ||= queue.open;
        else {
          isLate ||= head.arrived <= late;
          const earliest = first?.lines[first.next];
          if (earliest === undefined || head.line.time < earliest.line.time) first = queue;
        }
      }
      if (first === undefined || (mustWait && !isLate)) break;
      lines.push(...this.#shift(first));
    }
    return lines;
  }

  #shift(queue: Queue<Line>): readonly Line[] {
    const head = queue.lines[queue.next];
    if (head === undefined) return [];
    queue.next += 1;
    queue.size -= head.line.text.length + overhead;
    // Rarely, because splice() moves all remaining lines.
    if (queue.next > 1000 || queue.next === queue.lines.length) {
      queue.lines.splice(0, queue.next);
      queue.next = 0;
    }
    if (queue.size <= this.#capacity / 2) queue.wake();
    return [head.line];
  }

  /** Waits for a line, the end of a source, or the end of a window. */
  async #waitForChange(signal: AbortSignal): Promise<void> {
    const { clock, window } = this.#options;
    const heads = this.#queues.flatMap((queue) => queue.lines[queue.next]?.arrived ?? []);
    const over = new AbortController();
    const changed = new Promise<void>((resolve) => {
      this.#changed = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
    });
    const due = Math.min(...heads) + window - clock.monotonic();
    const waits = [changed];
    if (Number.isFinite(due)) waits.push(clock.sleep(Math.max(1, due), over.signal).catch(() => undefined));
    await Promise.race(waits);
    over.abort();
  }
}

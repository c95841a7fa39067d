import type { Clock } from '../../domain/clock.js';

/** What is merged: something with a time that orders as text. */
interface Timed {
  readonly time: string;
  readonly text: string;
}

export interface MergeOptions<Line> {
  readonly clock: Clock;
  /** How long a line waits for earlier ones of other sources, ms; infinite where all that will come is there already. */
  readonly window: number;
  /** Takes lines in their order; nothing more comes before it is done. */
  readonly write: (lines: readonly Line[]) => Promise<void>;
  /** How much of one source is held, in characters; a million by default. */
  readonly room?: number;
}

/** Where lines of one source come in, each source's in its own order. */
export interface Inlet<Line> {
  /** Resolves when there is room for more. */
  push(lines: readonly Line[]): Promise<void>;
  /** No more will come for now; without this everybody waits for its next line. */
  end(): void;
}

interface Queue<Line> {
  readonly lines: { readonly line: Line; readonly arrived: number }[];
  /** The first that has not gone. */
  at: number;
  held: number;
  open: boolean;
  wake: () => void;
}

/** The most lines that go out at once. */
const most = 500;
/** What a line takes beside its characters. */
const overhead = 100;

/**
 * Merges lines of several sources by their time. A line goes out when every source has a later one, or when one has
 * waited for the whole window: then all that is earlier goes too. A source that is ahead waits for the others.
 */
export class LogMerge<Line extends Timed> {
  readonly #options: MergeOptions<Line>;
  readonly #room: number;
  readonly #queues: Queue<Line>[] = [];
  #changed: () => void = () => undefined;

  constructor(options: MergeOptions<Line>) {
    this.#options = options;
    this.#room = options.room ?? 1024 * 1024;
  }

  /** A further source. All that {@link run} should wait for are opened before it starts. */
  open(): Inlet<Line> {
    const queue: Queue<Line> = { lines: [], at: 0, held: 0, open: true, wake: () => undefined };
    this.#queues.push(queue);
    const { clock } = this.#options;
    return {
      push: async (lines) => {
        const arrived = clock.monotonic();
        for (const line of lines) {
          queue.lines.push({ line, arrived });
          queue.held += line.text.length + overhead;
        }
        if (lines.length > 0) this.#changed();
        if (queue.held > this.#room)
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

  /** Resolves when all sources have ended and all is written; rejects with the signal's reason, or with what `write` throws. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const lines = this.#due();
      if (lines.length > 0) await this.#options.write(lines);
      else if (this.#queues.every((queue) => !queue.open)) return;
      else await this.#change(signal);
    }
  }

  /** What may go out now, in its order. */
  #due(): readonly Line[] {
    const lines: Line[] = [];
    const late = this.#options.clock.monotonic() - this.#options.window;
    while (lines.length < most) {
      let first: Queue<Line> | undefined;
      let [waits, isLate] = [false, false];
      for (const queue of this.#queues) {
        const head = queue.lines[queue.at];
        if (head === undefined) waits ||= queue.open;
        else {
          isLate ||= head.arrived <= late;
          const least = first?.lines[first.at];
          if (least === undefined || head.line.time < least.line.time) first = queue;
        }
      }
      if (first === undefined || (waits && !isLate)) break;
      lines.push(...this.#take(first));
    }
    return lines;
  }

  #take(queue: Queue<Line>): readonly Line[] {
    const head = queue.lines[queue.at];
    if (head === undefined) return [];
    queue.at += 1;
    queue.held -= head.line.text.length + overhead;
    // Moved only now and then, for it costs as much as there is left.
    if (queue.at > 1000 || queue.at === queue.lines.length) {
      queue.lines.splice(0, queue.at);
      queue.at = 0;
    }
    if (queue.held <= this.#room / 2) queue.wake();
    return [head.line];
  }

  /** Until something comes or ends, or the next line has waited long enough. */
  async #change(signal: AbortSignal): Promise<void> {
    const { clock, window } = this.#options;
    const heads = this.#queues.flatMap((queue) => queue.lines[queue.at]?.arrived ?? []);
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

import type { Clock } from '../../domain/clock.js';

/** Aborts its signal when nothing is heard for `ms`, with a reason made of the last thing that was. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #stalled = new AbortController();
  readonly #ended = new AbortController();
  #lastReset: number;
  #last: string;

  constructor(clock: Clock, ms: number, first: string, failure: (last: string) => Error) {
    this.#clock = clock;
    this.#lastReset = clock.monotonic();
    this.#last = first;
    this.#watch(ms, failure).catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#stalled.signal;
  }

  reset(what: string): void {
    this.#lastReset = this.#clock.monotonic();
    this.#last = what;
  }

  end(): void {
    this.#ended.abort();
  }

  async #watch(ms: number, failure: (last: string) => Error): Promise<void> {
    for (;;) {
      const left = this.#lastReset + ms - this.#clock.monotonic();
      if (left <= 0) break;
      await this.#clock.sleep(left, this.#ended.signal);
    }
    this.#stalled.abort(failure(this.#last));
  }
}

import type { Clock } from '../../domain/clock.js';

/** A watchdog: aborts its signal after `ms` without a reset, with a failure made from the last status. */
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

  reset(status: string): void {
    this.#lastReset = this.#clock.monotonic();
    this.#last = status;
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

import { unlessAborted } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';

/** A rate limit. */
export interface Rate {
  /** Calls allowed at once after an idle period. */
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket, first come, first served. */
export class Limiter {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  /** Monotonic time of the last refill. ms */
  #filled: number;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filled = clock.monotonic();
  }

  /** Resolves when a call is allowed. Rejects with the signal's reason and uses no token if aborted. */
  take(signal?: AbortSignal): Promise<void> {
    const mine = this.#last.then(() => this.#token(signal));
    this.#last = mine.catch(() => undefined);
    return unlessAborted(signal, mine);
  }

  async #token(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#fill();
    if (this.#tokens < 1) await this.#clock.sleep(((1 - this.#tokens) * 1000) / this.#rate.perSecond, signal);
    this.#fill();
    this.#tokens -= 1;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const grown = ((now - this.#filled) * this.#rate.perSecond) / 1000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + grown);
    this.#filled = now;
  }
}

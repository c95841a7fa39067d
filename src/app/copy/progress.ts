import type { Clock } from '../../domain/clock.js';
import { bytes } from '../../domain/measure.js';
import type { Listener } from '../listener.js';

/** ms between updates. */
const interval = 500;

/** Shows the copied bytes on a terminal. */
export class CopyProgress {
  readonly #clock: Clock;
  readonly #show: (text: string) => () => void;
  #done: () => void;
  #updated: number;

  constructor(clock: Clock, listener: Pick<Listener, 'busy'>, text: string) {
    this.#clock = clock;
    this.#show = (more) => listener.busy(text + more, { brief: true });
    this.#done = this.#show('');
    this.#updated = clock.monotonic();
  }

  /** Passes the chunks through and counts their bytes. */
  async *track(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let total = 0;
    for await (const chunk of chunks) {
      yield chunk;
      total += chunk.length;
      const now = this.#clock.monotonic();
      if (now - this.#updated < interval) continue;
      this.#updated = now;
      this.#done();
      this.#done = this.#show(`: ${bytes(total)}`);
    }
  }

  end(): void {
    this.#done();
  }
}

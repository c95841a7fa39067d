import type { Clock } from '../../domain/clock.js';
import { bytes } from '../../domain/measure.js';
import type { Listener } from '../listener.js';

/** How often the screen says how far it is, ms. */
const beat = 500;

/** Says on a terminal how much has gone over. */
export class Progress {
  readonly #clock: Clock;
  readonly #say: (text: string) => () => void;
  #done: () => void;
  #spoken: number;

  constructor(clock: Clock, listener: Pick<Listener, 'busy'>, text: string) {
    this.#clock = clock;
    this.#say = (more) => listener.busy(text + more, { brief: true });
    this.#done = this.#say('');
    this.#spoken = clock.monotonic();
  }

  /** The chunks, counted while they pass. */
  async *of(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let passed = 0;
    for await (const chunk of chunks) {
      yield chunk;
      passed += chunk.length;
      const now = this.#clock.monotonic();
      if (now - this.#spoken < beat) continue;
      this.#spoken = now;
      this.#done();
      this.#done = this.#say(`: ${bytes(passed)}`);
    }
  }

  end(): void {
    this.#done();
  }
}

import type { RunInfo } from '../../src/domain/task.js';
import type { Lease, Leases } from '../../src/run/ports.js';

/** Leases that are always free, record their calls, and can be lost. */
export class FakeLeases implements Leases {
  taken = 0;
  readonly described: string[] = [];
  released = 0;
  #lost = new AbortController();

  async take(_run: RunInfo): Promise<Lease> {
    this.taken += 1;
    this.#lost = new AbortController();
    return {
      lost: this.#lost.signal,
      describe: (step) => this.described.push(step),
      release: async () => {
        this.released += 1;
      },
    };
  }

  /** Ends the last lease. */
  lose(reason?: unknown): void {
    this.#lost.abort(reason);
  }
}

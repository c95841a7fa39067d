import { Failure } from '../../src/domain/failure.js';
import type { RunInfo } from '../../src/domain/task.js';
import type { Lease, Leases } from '../../src/run/ports.js';

/** Leases that are always free, record their calls, and can be lost. */
export class FakeLeases implements Leases {
  taken = 0;
  readonly described: string[] = [];
  released = 0;
  #lost = new AbortController();
  readonly #hosts: ReadonlyMap<string, AbortController>;

  /** Leases on these hosts. */
  constructor(hosts: readonly string[] = []) {
    this.#hosts = new Map(hosts.map((host) => [host, new AbortController()]));
  }

  async take(_run: RunInfo): Promise<Lease> {
    this.taken += 1;
    this.#lost = new AbortController();
    return {
      lost: this.#lost.signal,
      hosts: new Map([...this.#hosts].map(([host, { signal }]) => [host, signal])),
      confirm: async () => this.onConfirm(),
      describe: (step) => this.described.push(step),
      release: async () => {
        this.released += 1;
      },
    };
  }

  /** Called when a run asks whether the other leases hold. */
  onConfirm: () => void = () => undefined;

  /** Ends the last lease on one host. */
  loseHost(host: string): void {
    const message = `the lease on ${host} was lost`;
    this.#hosts.get(host)?.abort(new Failure('unreachable', 'lease.lost', message, { host }));
  }

  /** Ends the last lease. */
  lose(reason?: unknown): void {
    this.#lost.abort(reason);
  }
}

import type { ApiCall } from '../../src/cloud/api-call.js';

/** Counts API calls, which are rate-limited per account. */
export class CallCount {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Counts a call. */
  readonly add = ({ action, group = '', attempts }: ApiCall): void => {
    const counts = this.#counts.get(group) ?? new Map<string, number>();
    this.#counts.set(group, counts.set(action, (counts.get(action) ?? 0) + attempts));
  };

  /** Requests per action for this group; by default, for no group. */
  of(group = ''): Readonly<Record<string, number>> {
    return Object.fromEntries([...(this.#counts.get(group) ?? [])].sort());
  }

  /** The groups of all calls. */
  get groups(): readonly string[] {
    return [...this.#counts.keys()].filter((group) => group !== '').sort();
  }

  /** The number of all requests. */
  get total(): number {
    return [...this.#counts.values()]
      .flatMap((counts) => [...counts.values()])
      .reduce((sum, n) => sum + n, 0);
  }
}

import type { ApiCall } from '../../src/cloud/api-call.js';

/** Counts calls: what a deploy costs of the account's rate. */
export class CallCount {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Takes a call in. */
  readonly add = ({ action, group = '', attempts }: ApiCall): void => {
    const counts = this.#counts.get(group) ?? new Map<string, number>();
    this.#counts.set(group, counts.set(action, (counts.get(action) ?? 0) + attempts));
  };

  /** How often each action was sent that was about this group; without one, those that were about none. */
  of(group = ''): Readonly<Record<string, number>> {
    return Object.fromEntries([...(this.#counts.get(group) ?? [])].sort());
  }

  /** The groups that calls were about. */
  get groups(): readonly string[] {
    return [...this.#counts.keys()].filter((group) => group !== '').sort();
  }

  /** All that was sent. */
  get total(): number {
    return [...this.#counts.values()]
      .flatMap((counts) => [...counts.values()])
      .reduce((sum, n) => sum + n, 0);
  }
}

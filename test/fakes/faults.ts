/** The names of the methods of `Port`. */
type Call<Port> = {
  [Key in keyof Port]: Port[Key] extends (...args: never[]) => unknown ? Key : never;
}[keyof Port];

/** Records the calls of a fake, and makes some of them fail. */
export class Faults<Port> {
  /** All calls so far, in order. */
  readonly calls: { readonly call: Call<Port>; readonly args: readonly unknown[] }[] = [];
  readonly #hooks: { call: Call<Port>; hook: () => void | Promise<void>; times: number }[] = [];

  /** The next `times` calls throw. */
  fail(call: Call<Port>, error: Error, times = 1): void {
    this.before(
      call,
      () => {
        throw error;
      },
      times,
    );
  }

  /** Runs `hook` at the start of the next `times` calls, which wait for it. */
  before(call: Call<Port>, hook: () => void | Promise<void>, times = 1): void {
    this.#hooks.push({ call, hook, times });
  }

  count(call: Call<Port>): number {
    return this.calls.filter((entry) => entry.call === call).length;
  }

  /** For the fake: must start each call. */
  async pass(call: Call<Port>, ...args: readonly unknown[]): Promise<void> {
    this.calls.push({ call, args });
    const next = this.#hooks.find((entry) => entry.call === call && entry.times > 0);
    if (next === undefined) return;
    next.times -= 1;
    await next.hook();
  }
}

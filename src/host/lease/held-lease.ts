import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { Lease } from '../../run/ports.js';
import type { Held, Host } from '../host.js';

/** ms */
const beat = 2000;
/**
 * A holder that has heard nothing for so long lets go, and a client that has missed so much stops. A network that was gone for 5 s
 * says something again after 6.2 s, for TCP waits twice as long before each attempt (RFC 6298); the rest is for machines that are
 * busy. ms
 */
export const silence = 12_000;

/** The holder on one host. */
export class HeldLease {
  readonly host: Host;
  readonly #held: Held;
  readonly #clock: Clock;
  /** When the holder last answered. */
  heard: number;
  #released = false;

  constructor(host: Host, held: Held, lines: AsyncIterator<string>, clock: Clock) {
    this.host = host;
    this.#held = held;
    this.#clock = clock;
    this.heard = clock.monotonic();
    void this.#listen(lines);
  }

  beat(step: string): void {
    this.#held.write(`beat ${step.replace(/\s+/g, ' ')}`);
  }

  /** Calls back when the holder is gone, unless it was released. */
  onEnd(listener: () => void): void {
    void this.#held.ended.then(() => {
      if (!this.#released) listener();
    });
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#held.write('release');
    const late = () => silent(this.host);
    await withTimeout(this.#clock, silence, [this.host.lost], late, () => this.#held.ended).catch(
      () => undefined,
    );
    this.#held.end();
  }

  async #listen(lines: AsyncIterator<string>): Promise<void> {
    while (!(await lines.next()).done) this.heard = this.#clock.monotonic();
  }
}

/** The leases on all hosts of a run, as one. */
export class HostsLease implements Lease {
  readonly #parts: readonly HeldLease[];
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #over = new AbortController();
  #step = '';
  #released: Promise<void> | undefined;

  constructor(parts: readonly HeldLease[], clock: Clock) {
    this.#parts = parts;
    this.#clock = clock;
    for (const part of parts) part.onEnd(() => this.#lose(part.host, 'its holder has ended'));
    this.#keep().catch(() => undefined);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  describe(step: string): void {
    this.#step = step;
    this.#beat();
  }

  release(): Promise<void> {
    this.#over.abort();
    this.#released ??= Promise.all(this.#parts.map((part) => part.release())).then(() => undefined);
    return this.#released;
  }

  async #keep(): Promise<void> {
    let last = this.#clock.monotonic();
    while (!this.#lost.signal.aborted) {
      await this.#clock.sleep(beat, this.#over.signal);
      const now = this.#clock.monotonic();
      const [first] = this.#parts;
      if (now - last > silence && first !== undefined)
        return this.#lose(first.host, 'this process was suspended');
      last = now;
      const silentPart = this.#parts.find((part) => now - part.heard > silence);
      if (silentPart !== undefined) return this.#lose(silentPart.host, 'its holder is silent');
      this.#beat();
    }
  }

  #beat(): void {
    if (this.#lost.signal.aborted || this.#over.signal.aborted) return;
    for (const part of this.#parts) part.beat(this.#step);
  }

  #lose(host: Host, why: string): void {
    this.#over.abort();
    this.#lost.abort(
      new Failure('unreachable', 'lease.lost', `the lease on ${host.name} was lost: ${why}`, {
        host: host.name,
        hint: 'Another run may act there now. `oneclick status`, then `oneclick resume`.',
      }),
    );
  }
}

/** A host that does not answer in time. */
export function silent(host: Host): Failure {
  return new Failure('unreachable', 'host.silent', `${host.name} does not answer`, { host: host.name });
}

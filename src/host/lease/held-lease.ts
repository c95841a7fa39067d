import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import type { Lease } from '../../run/ports.js';
import type { Host, RemoteProcess } from '../host.js';

/** ms */
const heartbeatInterval = 2000;
/**
 * Time without a heartbeat after which the holder exits, and without a response after which the client stops. Longer than
 * TCP's backoff (RFC 6298) after an outage of 5 s, which takes 6.2 s, so that busy machines survive it. ms
 */
export const leaseTimeout = 12_000;

/** A lease on one host. */
export class HeldLease {
  readonly host: Host;
  readonly #process: RemoteProcess;
  readonly #clock: Clock;
  /** Monotonic time of the holder's last response. ms */
  lastResponse: number;
  #released = false;

  constructor(host: Host, process: RemoteProcess, lines: AsyncIterator<string>, clock: Clock) {
    this.host = host;
    this.#process = process;
    this.#clock = clock;
    this.lastResponse = clock.monotonic();
    void this.#readLines(lines);
  }

  heartbeat(step: string): void {
    this.#process.write(`beat ${step.replace(/\s+/g, ' ')}`);
  }

  /** Calls `listener` when the holder exits, unless it was released. */
  onEnd(listener: () => void): void {
    void this.#process.ended.then(() => {
      if (!this.#released) listener();
    });
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#process.write('release');
    const onTimeout = () => unresponsive(this.host);
    await withTimeout(
      this.#clock,
      leaseTimeout,
      [this.host.lost],
      onTimeout,
      () => this.#process.ended,
    ).catch(() => undefined);
    this.#process.end();
  }

  async #readLines(lines: AsyncIterator<string>): Promise<void> {
    while (!(await lines.next()).done) this.lastResponse = this.#clock.monotonic();
  }
}

/** The lease on all hosts of a run. */
export class HostsLease implements Lease {
  readonly #parts: readonly HeldLease[];
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #lostHosts: ReadonlyMap<string, AbortController>;
  readonly #ended = new AbortController();
  #step = '';
  #released: Promise<void> | undefined;

  constructor(parts: readonly HeldLease[], clock: Clock) {
    this.#parts = parts;
    this.#clock = clock;
    this.#lostHosts = new Map(parts.map(({ host }) => [host.name, new AbortController()]));
    for (const part of parts) part.onEnd(() => this.#loseHost(part.host, 'its holder exited'));
    this.#keepAlive().catch(() => undefined);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get hosts(): ReadonlyMap<string, AbortSignal> {
    return new Map([...this.#lostHosts].map(([host, { signal }]) => [host, signal]));
  }

  /** Waits for a response to a later heartbeat, so that hosts that are lost at the same time are known. */
  async confirm(): Promise<void> {
    const asked = this.#clock.monotonic();
    const isOpen = () => !this.#ended.signal.aborted;
    do await this.#clock.sleep(heartbeatInterval, this.#ended.signal).catch(() => undefined);
    while (isOpen() && this.#remaining().some(({ lastResponse }) => lastResponse <= asked));
  }

  describe(step: string): void {
    this.#step = step;
    this.#heartbeat();
  }

  release(): Promise<void> {
    this.#ended.abort();
    this.#released ??= Promise.all(this.#parts.map((part) => part.release())).then(() => undefined);
    return this.#released;
  }

  async #keepAlive(): Promise<void> {
    let last = this.#clock.monotonic();
    while (!this.#lost.signal.aborted) {
      await this.#clock.sleep(heartbeatInterval, this.#ended.signal);
      const now = this.#clock.monotonic();
      const [first] = this.#parts;
      if (now - last > leaseTimeout && first !== undefined)
        return this.#lose(lostFailure(first.host, 'this process was suspended'));
      last = now;
      for (const { host, lastResponse } of this.#remaining())
        if (now - lastResponse > leaseTimeout) this.#loseHost(host, 'its holder does not respond');
      this.#heartbeat();
    }
  }

  #heartbeat(): void {
    if (this.#lost.signal.aborted || this.#ended.signal.aborted) return;
    for (const part of this.#remaining()) part.heartbeat(this.#step);
  }

  #remaining(): readonly HeldLease[] {
    return this.#parts.filter(({ host }) => this.#lostHosts.get(host.name)?.signal.aborted === false);
  }

  /** Disconnects the host, so that nothing more reaches it. */
  #loseHost(host: Host, reason: string): void {
    const lost = this.#lostHosts.get(host.name);
    if (lost === undefined || lost.signal.aborted || this.#ended.signal.aborted) return;
    const failure = lostFailure(host, reason);
    lost.abort(failure);
    if (this.#remaining().length === 0) this.#lose(failure);
    else void host.close().catch(() => undefined);
  }

  #lose(failure: Failure): void {
    this.#ended.abort();
    this.#lost.abort(failure);
  }
}

function lostFailure({ name, lost }: Host, reason: string): Failure {
  const broken: unknown = lost.reason;
  const message =
    broken instanceof Failure
      ? `${broken.message}; the lease on ${name} was lost`
      : `the lease on ${name} was lost: ${reason}`;
  return new Failure('unreachable', 'lease.lost', message, {
    ...{ host: name, hint: 'check the host and the network, then run `oneclick status`' },
    ...given({ cause: broken }),
  });
}

/** Returns the failure of a host that does not respond in time. */
export function unresponsive(host: Host): Failure {
  return new Failure('unreachable', 'host.silent', `${host.name} does not respond`, { host: host.name });
}

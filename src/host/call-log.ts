import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';

/** Something that was asked of a host, once it is over. Holds no secret: commands carry none in argv. */
export interface RemoteCall {
  readonly host: string;
  readonly kind: 'connect' | 'run' | 'hold' | 'engine' | 'probe' | 'reach' | 'lend';
  readonly what: string;
  /** ms */
  readonly duration: number;
  /** The position of its start and its end among all starts and ends: a call that began after another ended may depend on it. */
  readonly began: number;
  readonly ended: number;
  /** The code of the failure that it ended in. */
  readonly failure?: string;
}

export type CallObserver = (call: RemoteCall) => void;

/** Something that is being asked of a host; it is given up after `timeout`, in ms, where that is known. */
export interface PendingCall extends Pick<RemoteCall, 'host' | 'kind' | 'what'> {
  readonly timeout?: number;
}

/** Told of a call when it begins, and by what it gives back when it is over. */
export type CallListener = (call: PendingCall) => CallObserver;

/** Times calls and tells an observer of each. */
export class CallLog {
  readonly #onCallEnd: CallObserver;
  readonly #clock: Clock;
  readonly #onCall: CallListener | undefined;
  #position = 0;

  constructor(clock: Clock, onCallEnd: CallObserver = () => undefined, onCall?: CallListener) {
    this.#clock = clock;
    this.#onCall = onCall;
    this.#onCallEnd = onCallEnd;
  }

  async record<T>(
    host: string,
    kind: RemoteCall['kind'],
    what: string,
    work: () => Promise<T>,
    timeout = Number.POSITIVE_INFINITY,
  ): Promise<T> {
    this.#position += 1;
    const began = this.#position;
    const start = this.#clock.monotonic();
    const pending: PendingCall = { host, kind, what: what.slice(0, 200) };
    const onEnd = this.#onCall?.(Number.isFinite(timeout) ? { ...pending, timeout } : pending);
    const finish = (failure?: string) => {
      this.#position += 1;
      const duration = this.#clock.monotonic() - start;
      const call = { host, kind, what: what.slice(0, 200), duration, began, ended: this.#position };
      const ended = failure === undefined ? call : { ...call, failure };
      this.#onCallEnd(ended);
      onEnd?.(ended);
    };
    try {
      const result = await work();
      finish();
      return result;
    } catch (error) {
      finish(error instanceof Failure ? error.code : 'bug');
      throw error;
    }
  }
}

/** The most calls of one host of which each began after the one before had ended: what its latency is paid for. */
export function longestChain(calls: readonly RemoteCall[]): number {
  let longest = 0;
  for (const host of new Set(calls.map((call) => call.host))) {
    let length = 0;
    let lastEnd = 0;
    const own = calls.filter((call) => call.host === host).sort((a, b) => a.ended - b.ended);
    for (const call of own) {
      if (call.began <= lastEnd) continue;
      length += 1;
      lastEnd = call.ended;
    }
    longest = Math.max(longest, length);
  }
  return longest;
}

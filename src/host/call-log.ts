import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';

/** A finished call to a host. Contains no secrets, because commands carry none in argv. */
export interface RemoteCall {
  readonly host: string;
  readonly kind: 'connect' | 'run' | 'hold' | 'engine' | 'probe' | 'reach' | 'forward';
  readonly what: string;
  /** ms */
  readonly duration: number;
  /** Positions of its start and end in the order of all starts and ends. */
  readonly began: number;
  readonly ended: number;
  /** The failure code, if it failed. */
  readonly failure?: string;
}

export type CallObserver = (call: RemoteCall) => void;

/** A call in progress; it fails after `timeout` ms if that is set. */
export interface PendingCall extends Pick<RemoteCall, 'host' | 'kind' | 'what'> {
  readonly timeout?: number;
}

/** Called when a call starts; returns a function to call when it ends. */
export type CallListener = (call: PendingCall) => CallObserver;

/** Times calls and reports each to an observer. */
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

/** Returns the length of the longest chain of sequential calls to one host. */
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

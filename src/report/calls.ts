import { type Clock, timeOfDay } from '../domain/clock.js';
import type { PendingCall, RemoteCall } from '../host/call-log.js';
import { cut, oneLine } from './text.js';

/** A pending call to a host. */
export type Call = PendingCall;

/** The result of a call. */
export type CallEnd = Pick<RemoteCall, 'duration' | 'failure'>;

/** The most columns that a command takes. */
const maxColumns = 60;

/** Returns a call in words: `connect to root@10.0.0.5:22`, `run df -h`. */
export function callText({ kind, what }: Pick<Call, 'kind' | 'what'>): string {
  const text = cut(oneLine(what), maxColumns);
  if (kind === 'connect') return `connect to ${text}`;
  if (kind === 'run') return `run ${text}`;
  return kind === 'hold' ? 'take the lease' : text;
}

/** Returns a finished call on one line: `14:03:30 web-1: looking up api:v2 (21 ms)`. */
export function callLine(call: Call, { duration, failure }: CallEnd, clock: Clock): string {
  const began = timeOfDay(new Date(clock.now().getTime() - duration));
  const end = failure === undefined ? '' : `: ${failure}`;
  return `${began} ${call.host}: ${callText(call)} (${Math.round(duration)} ms)${end}`;
}

/** A pending call and when it began, in ms of the monotonic clock. */
interface Pending {
  readonly call: Call;
  readonly since: number;
}

/** The pending calls, oldest first. */
export class Calls {
  readonly #clock: Clock;
  readonly #pending = new Set<Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a pending call; returns a function that removes it. */
  begin(call: Call): () => void {
    const pending = { call, since: this.#clock.monotonic() };
    this.#pending.add(pending);
    return () => void this.#pending.delete(pending);
  }

  /** Returns the oldest pending call, of `host` if given. */
  longest(host?: string): Pending | undefined {
    return [...this.#pending].find(({ call }) => host === undefined || call.host === host);
  }

  /** The number of hosts with pending calls. */
  get hostCount(): number {
    return new Set([...this.#pending].map(({ call }) => call.host)).size;
  }

  /** Returns when a call times out: `timeout 14:03:30`; undefined if it has no timeout. */
  timeoutText({ call, since }: Pending): string | undefined {
    if (call.timeout === undefined) return undefined;
    const remaining = since + call.timeout - this.#clock.monotonic();
    return `timeout ${timeOfDay(new Date(this.#clock.now().getTime() + remaining))}`;
  }
}

import { type Clock, timeOfDay } from '../domain/clock.js';
import type { PendingCall, RemoteCall } from '../host/call-log.js';
import { cut, oneLine } from './text.js';

/** Something that is being asked of a host. */
export type Call = PendingCall;

/** How a call ended. */
export type CallEnd = Pick<RemoteCall, 'duration' | 'failure'>;

/** The longest that a command's own words get. */
const widest = 60;

/** What is asked, in words: `connect to root@10.0.0.5:22`, `run df -h`. */
export function callText({ kind, what }: Pick<Call, 'kind' | 'what'>): string {
  const words = cut(oneLine(what), widest);
  switch (kind) {
    case 'connect':
      return `connect to ${words}`;
    case 'run':
      return `run ${words}`;
    case 'hold':
      return 'take the lease';
    default:
      return words;
  }
}

/** A call that is over, on one line: `14:03:30 web-1: looking up api:v2 (21 ms)`. */
export function callLine(call: Call, { duration, failure }: CallEnd, clock: Clock): string {
  const began = timeOfDay(new Date(clock.now().getTime() - duration));
  const end = failure === undefined ? '' : `: ${failure}`;
  return `${began} ${call.host}: ${callText(call)} (${Math.round(duration)} ms)${end}`;
}

/** A call under way, on the monotonic clock. */
interface Pending {
  readonly call: Call;
  readonly since: number;
}

/** The calls that are under way, the longest first. */
export class Calls {
  readonly #clock: Clock;
  readonly #pending = new Set<Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on the call is under way, until the function that it gives back is called. */
  begin(call: Call): () => void {
    const pending = { call, since: this.#clock.monotonic() };
    this.#pending.add(pending);
    return () => void this.#pending.delete(pending);
  }

  /** The call that has been under way for longest, of this host where one is named. */
  longest(host?: string): Pending | undefined {
    return [...this.#pending].find(({ call }) => host === undefined || call.host === host);
  }

  /** How many hosts are called. */
  get hosts(): number {
    return new Set([...this.#pending].map(({ call }) => call.host)).size;
  }

  /** When a call is given up, `, until 14:03:30`; empty where that is not known. */
  until({ call, since }: Pending): string {
    if (call.timeout === undefined) return '';
    const left = since + call.timeout - this.#clock.monotonic();
    return `, until ${timeOfDay(new Date(this.#clock.now().getTime() + left))}`;
  }
}

import { unlessAborted } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';

/** The result of one poll. */
export type PollAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** Not yet; `because` is a short reason. `recheckIn` is when to poll again at the latest. ms */
  | { readonly kind: 'waiting'; readonly because: string; readonly recheckIn?: number }
  /** Polling again cannot help. */
  | { readonly kind: 'failed'; readonly failure: Failure };

/** A wait in progress, for display. */
export interface Waiting {
  readonly what: string;
  readonly because: string;
  /** When it times out. */
  readonly until: Date;
}

/** Options of one wait. */
export interface PollWait<Seen, Result> {
  /** The condition: `3 targets of web to become healthy`. */
  readonly what: string;
  /** Reads the current state. */
  readonly probe: () => Promise<Seen>;
  readonly until: (seen: Seen) => PollAnswer<Result>;
  /** Monotonic time of the last poll. ms */
  readonly deadline: number;
  readonly signal?: AbortSignal;
  /** Called after each poll that does not end the wait. */
  readonly onWaiting?: (waiting: Waiting) => void;
}

/** Poll intervals. Targets take 10 to 45 s, instances 5 to 20 s. ms */
const early = { for: 30_000, interval: 2_000 };
const laterInterval = 5_000;
const jitter = 0.2;

/**
 * Polls until a condition holds: at once, then every 2 s for 30 s, then every 5 s, each ±20 %. All waits of a poller poll
 * at the same time, so that their calls can be batched.
 *
 * Rejects with the failure of a `failed` answer, with a permanent failure of a poll, with the signal's reason, or with
 * `wait.timeout` at the deadline.
 */
export type Poll = <Seen, Result>(wait: PollWait<Seen, Result>) => Promise<Result>;

/** Creates a poller; `random` returns numbers from 0 to 1. */
export function poller({ clock, random }: { readonly clock: Clock; readonly random: () => number }): Poll {
  const nextPoll = pollTimes(clock, random);
  return async ({ what, probe, until, deadline, signal, onWaiting }) => {
    const started = clock.monotonic();
    for (;;) {
      signal?.throwIfAborted();
      const answer = await unlessAborted(signal, check(probe, until));
      if (answer.kind === 'done') return answer.result;
      if (answer.kind === 'failed') throw answer.failure;
      const now = clock.monotonic();
      if (now >= deadline) throw timedOut(what, answer.because, now - started);
      onWaiting?.({
        what,
        because: answer.because,
        until: new Date(clock.now().getTime() + deadline - now),
      });
      const every = now - started < early.for ? early.interval : laterInterval;
      const { recheckIn = Number.POSITIVE_INFINITY } = answer;
      await clock.sleep(Math.min(nextPoll(every), now + recheckIn, deadline) - now, signal);
    }
  };
}

/** Returns the time of the next poll at an interval of `every` ms, shared by all waits. */
function pollTimes(clock: Clock, random: () => number): (every: number) => number {
  const next = new Map<number, number>();
  return (every) => {
    const now = clock.monotonic();
    const shared = next.get(every);
    if (shared !== undefined && shared > now) return shared;
    const later = now + every * (1 + jitter * (2 * random() - 1));
    next.set(every, later);
    return later;
  };
}

async function check<Seen, Result>(
  probe: () => Promise<Seen>,
  until: (seen: Seen) => PollAnswer<Result>,
): Promise<PollAnswer<Result>> {
  try {
    return until(await probe());
  } catch (error) {
    if (!(error instanceof Failure) || !(error.transient || error.kind === 'unreachable')) throw error;
    return { kind: 'waiting', because: error.message };
  }
}

function timedOut(what: string, because: string, waited: number): Failure {
  return new Failure(
    'failed',
    'wait.timeout',
    `timed out after ${Math.round(waited / 1000)} s waiting for ${what}: ${because}`,
    {
      hint: 'fix the cause, then run the command again',
    },
  );
}

import { unlessAborted } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';

/** What was made of something that was looked at. */
export type PollAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /**
   * Not yet; `because` says what is missing, in a few words. `soon`, in ms, is when it may be otherwise, where that is known: then it
   * is looked at, too.
   */
  | { readonly kind: 'waiting'; readonly because: string; readonly soon?: number }
  /** It cannot get better. */
  | { readonly kind: 'hopeless'; readonly failure: Failure };

/** What somebody waits for, for the one who looks on. */
export interface Waiting {
  readonly what: string;
  readonly because: string;
  /** When it is given up. */
  readonly until: Date;
}

/** One wait. */
export interface PollWait<Seen, Result> {
  /** What is waited for: `3 targets of web to become healthy`. */
  readonly what: string;
  /** Looks once, with one call for each kind of resource. */
  readonly probe: () => Promise<Seen>;
  readonly until: (seen: Seen) => PollAnswer<Result>;
  /** A time of the clock's monotonic(), ms; the last look begins at that time at the latest, and is waited for. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
  /** Is called after each look that did not end the wait. */
  readonly onWaiting?: (waiting: Waiting) => void;
}

/** Between two looks, at first and later, ms. Targets need 10 to 45 s, instances 5 to 20 s. */
const early = { for: 30_000, interval: 2_000 };
const laterInterval = 5_000;
const jitter = 0.2;

/**
 * Waits by looking again and again, at first at once, then every 2 s for 30 s, then every 5 s, each ±20 %. All waits of one poller look
 * at the same moments, so that calls which can be one are made together; the jitter keeps programs apart, not waits.
 *
 * Rejects with the failure of a hopeless answer, with any failure of a look that will not pass by itself (`access` at once), with the
 * signal's reason, and at the deadline with a failure `wait.timeout` that says what was waited for and what was seen last.
 */
export type Poll = <Seen, Result>(wait: PollWait<Seen, Result>) => Promise<Result>;

/** A poller; `random` gives numbers from 0 to 1. */
export function poller({ clock, random }: { readonly clock: Clock; readonly random: () => number }): Poll {
  const nextPoll = pollTimes(clock, random);
  return async ({ what, probe, until, deadline, signal, onWaiting }) => {
    const started = clock.monotonic();
    for (;;) {
      signal?.throwIfAborted();
      const answer = await unlessAborted(signal, check(probe, until));
      if (answer.kind === 'done') return answer.result;
      if (answer.kind === 'hopeless') throw answer.failure;
      const now = clock.monotonic();
      if (now >= deadline) throw timedOut(what, answer.because, now - started);
      onWaiting?.({
        what,
        because: answer.because,
        until: new Date(clock.now().getTime() + deadline - now),
      });
      const every = now - started < early.for ? early.interval : laterInterval;
      const { soon = Number.POSITIVE_INFINITY } = answer;
      await clock.sleep(Math.min(nextPoll(every), now + soon, deadline) - now, signal);
    }
  };
}

/** Tells when to look next, if looks are `every` ms apart: at a moment that somebody else waits for, where there is one. */
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
    if (!(error instanceof Failure) || !(error.passing || error.kind === 'unreachable')) throw error;
    return { kind: 'waiting', because: error.message };
  }
}

function timedOut(what: string, because: string, waited: number): Failure {
  return new Failure(
    'failed',
    'wait.timeout',
    `waited ${Math.round(waited / 1000)} s for ${what}: ${because}`,
    {
      hint: 'Look at what it still misses, then run the command again.',
    },
  );
}

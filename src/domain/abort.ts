import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';

/** Calls `listener` once when the signal is aborted, at once if it already is. Returns a function that stops listening. */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  // Many listen at the same time; Node warns from the eleventh on.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** Resolves to the result of `work`, or rejects with the signal's reason as soon as it is aborted, without waiting for the work. */
export function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const forget = whenAborted(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(forget);
  });
}

/**
 * Runs work that must be over within `ms` milliseconds (Infinity: no limit). Rejects with `late()` when it is not, or with the reason
 * of the first of `signals` that is aborted, without waiting for the work. The signal that the work is given ends it.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const over = new AbortController();
  const forget = signals.map((signal) =>
    signal === undefined ? undefined : whenAborted(signal, () => stop.abort(signal.reason)),
  );
  try {
    stop.signal.throwIfAborted();
    if (Number.isFinite(ms))
      clock.sleep(ms, over.signal).then(
        () => stop.abort(late()),
        () => undefined,
      );
    return await unlessAborted(stop.signal, work(stop.signal));
  } finally {
    over.abort();
    for (const each of forget) each?.();
  }
}

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
    const stopListening = whenAborted(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(stopListening);
  });
}

/**
 * Runs work that must be over within `ms` milliseconds (Infinity: no limit). Rejects with `late()` when it is not, or with the reason
 * of the first of `signals` that is aborted, without waiting for the work. The signal that the work is given ends it.
 */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  timeoutError: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const done = new AbortController();
  const stopListening = signals.map((signal) =>
    signal === undefined ? undefined : whenAborted(signal, () => stop.abort(signal.reason)),
  );
  try {
    stop.signal.throwIfAborted();
    if (Number.isFinite(ms))
      clock.sleep(ms, done.signal).then(
        () => stop.abort(timeoutError()),
        () => undefined,
      );
    return await unlessAborted(stop.signal, work(stop.signal));
  } finally {
    done.abort();
    for (const each of stopListening) each?.();
  }
}

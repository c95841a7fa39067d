import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';

/** Calls `listener` once when the signal aborts, or now if it already has. Returns a function that stops listening. */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  // Node warns from the eleventh listener on.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** Resolves with the result of `work`, or rejects with the signal's reason as soon as it aborts. Does not wait for `work` then. */
export function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stopListening = whenAborted(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(stopListening);
  });
}

/**
 * Runs `work` for at most `ms` milliseconds (Infinity: no limit). Rejects with `timeoutError()` after that, or with the reason of
 * the first of `signals` to abort, without waiting for `work`. The signal passed to `work` is aborted in both cases.
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

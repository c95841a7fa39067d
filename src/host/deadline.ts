import { setMaxListeners } from 'node:events';
import type { Clock } from '../domain/clock.js';

/**
 * Runs work that must be over within `ms`: rejects with `late()` when it is not, or with the reason of the first
 * of `signals` that is aborted, without waiting for the work itself. The signal that the work is given ends it.
 */
export function within<T>(
  clock: Clock,
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const over = new AbortController();
    const cut = (reason: unknown) => {
      settle();
      stop.abort(reason);
      reject(reason);
    };
    const cuts = signals.flatMap((signal) =>
      signal === undefined ? [] : [{ signal, listen: () => cut(signal.reason) }],
    );
    const settle = () => {
      over.abort();
      for (const { signal, listen } of cuts) signal.removeEventListener('abort', listen);
    };
    const aborted = cuts.find(({ signal }) => signal.aborted);
    if (aborted !== undefined) return cut(aborted.signal.reason);
    for (const { signal, listen } of cuts) {
      // Many calls of one connection listen at once; Node warns from the eleventh on.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', listen, { once: true });
    }
    if (Number.isFinite(ms))
      clock.sleep(ms, over.signal).then(
        () => cut(late()),
        () => undefined,
      );
    work(stop.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

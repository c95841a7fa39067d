import { setMaxListeners } from 'node:events';

/** Calls back once when the signal is aborted, at once if it already is; the returned function forgets it. */
export function whenAborted(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => {};
  }
  // As many steps listen as run at once; Node would warn of the eleventh.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', call, { once: true });
  return () => signal.removeEventListener('abort', call);
}

/** The promise, or a rejection with the signal's reason as soon as it is aborted; the work itself is left behind. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = whenAborted(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(forget);
  });
}

/** The name of the signal that a cancellation was asked for with. */
export function signalName(reason: unknown): string {
  return typeof reason === 'string' ? reason : 'request';
}

import { setMaxListeners } from 'node:events';

/** What `work` comes to, or the signal's reason as soon as it is aborted, without waiting for the work. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    // Many calls listen at once; Node warns from the eleventh on.
    setMaxListeners(0, signal);
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const settled = () => signal.removeEventListener('abort', stop);
    work.then(resolve, reject).then(settled, settled);
  });
}

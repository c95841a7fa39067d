/** A clock, passed in so that tests control time. */
export interface Clock {
  /** Wall-clock time, for display only: order never depends on it. */
  now(): Date;
  /** Monotonic time in ms, for durations and deadlines. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds. Rejects with the signal's reason if it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The system clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** Formats the local time of day: `14:03:30`. */
export const timeOfDay = (time: Date): string => time.toTimeString().slice(0, 8);

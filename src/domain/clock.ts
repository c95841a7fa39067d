/** Time, passed in, so that tests can move it. */
export interface Clock {
  /** Wall-clock time, for people and logs only; order never depends on it. */
  now(): Date;
  /** Milliseconds on a clock that never jumps, for durations and deadlines. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
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

/** A time of day as the person's own clock shows it: `14:03:30`. */
export const timeOfDay = (time: Date): string => time.toTimeString().slice(0, 8);

import type { Docker } from './docker.js';

/** The outside world, injected so that tests can replace it. */
export interface Context {
  readonly docker: Docker;
  /** Reports progress, one sentence per call. */
  readonly progress: (text: string) => void;
  /** Aborted by Ctrl-C; ends every wait and child process. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Wall-clock and monotonic time. */
export interface Clock {
  /** Wall-clock time, for timestamps of the API. */
  now(): Date;
  /** Milliseconds on a monotonic clock. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason if aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

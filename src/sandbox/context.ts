import type { Docker } from './docker.js';

/** What every part of the sandbox is handed: the outside world, so that tests can replace it. */
export interface Context {
  readonly docker: Docker;
  /** Says what is happening, a sentence at a time. */
  readonly progress: (text: string) => void;
  /** Aborted by Ctrl-C: every wait and every child process ends. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Clock {
  /** What stands on the wall: for what the API dates. */
  now(): Date;
  /** Milliseconds on a clock that never jumps. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

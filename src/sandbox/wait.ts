import type { Context } from './context.js';
import { SandboxFailure } from './failure.js';

/** Answers `undefined` when what is waited for is there, else a few words on what is missing. */
export type Probe = () => Promise<string | undefined>;

/**
 * Asks `probe` every 200 ms until nothing is missing.
 * @throws SandboxFailure `sandbox.timeout`, naming what was waited for and what was last missing.
 */
export async function waitFor(
  context: Context,
  what: string,
  deadlineMs: number,
  probe: Probe,
): Promise<void> {
  const start = context.clock.monotonic();
  for (;;) {
    context.signal.throwIfAborted();
    const missing = await probe();
    if (missing === undefined) return;
    if (context.clock.monotonic() - start > deadlineMs) {
      throw new SandboxFailure(
        'sandbox.timeout',
        `waited ${Math.round(deadlineMs / 1000)} s for ${what}: ${missing}`,
      );
    }
    await context.clock.sleep(200, context.signal);
  }
}

/** The result of `work`, which is aborted when it takes longer than `ms`. */
export async function within<T>(
  context: Context,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const limit = context.clock.sleep(ms, AbortSignal.any([context.signal, done.signal]));
  limit.then(
    () => late.abort(),
    () => {},
  );
  try {
    return await work(AbortSignal.any([context.signal, late.signal]));
  } catch (error) {
    if (late.signal.aborted) throw new SandboxFailure('sandbox.timeout', `no answer within ${ms / 1000} s`);
    throw error;
  } finally {
    done.abort();
  }
}

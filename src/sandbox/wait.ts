import type { Context } from './context.js';
import { SandboxFailure } from './failure.js';

/** Returns the reason to keep waiting, or `undefined` when done. */
export type Probe = () => Promise<string | undefined>;

/**
 * Calls `probe` every 200 ms until it returns `undefined`.
 * @throws SandboxFailure `sandbox.timeout` with the last reason
 */
export async function waitFor(
  context: Context,
  target: string,
  timeoutMs: number,
  probe: Probe,
): Promise<void> {
  const start = context.clock.monotonic();
  for (;;) {
    context.signal.throwIfAborted();
    const problem = await probe();
    if (problem === undefined) return;
    if (context.clock.monotonic() - start > timeoutMs) {
      throw new SandboxFailure(
        'sandbox.timeout',
        `timed out after ${Math.round(timeoutMs / 1000)} s waiting for ${target}: ${problem}`,
      );
    }
    await context.clock.sleep(200, context.signal);
  }
}

/** Runs `work`; aborts it and throws `sandbox.timeout` after `ms`. */
export async function withTimeout<T>(
  context: Context,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const done = new AbortController();
  const timer = context.clock.sleep(ms, AbortSignal.any([context.signal, done.signal]));
  timer.then(
    () => timeout.abort(),
    () => {},
  );
  try {
    return await work(AbortSignal.any([context.signal, timeout.signal]));
  } catch (error) {
    if (timeout.signal.aborted)
      throw new SandboxFailure('sandbox.timeout', `no response within ${ms / 1000} s`);
    throw error;
  } finally {
    done.abort();
  }
}

import type { Clock } from '../domain/clock.js';

/** Signals that end a run. */
export interface Interrupts {
  /** Aborted by the first Ctrl-C, TERM or HUP. */
  readonly cancel: AbortSignal;
  /** Aborted by a second Ctrl-C, more than a second later: stop without undoing. */
  readonly abandon: AbortSignal;
  /** Stops listening. */
  stop(): void;
}

/** Ignores a second Ctrl-C within this time, ms. */
const bounceTime = 1000;

/** Listens for signals. TERM and HUP cancel a run, but never stop it from being undone. */
export function listenForInterrupts(clock: Clock): Interrupts {
  const cancel = new AbortController();
  const abandon = new AbortController();
  let first: number | undefined;
  const onInt = () => {
    if (first === undefined) {
      first = clock.monotonic();
      cancel.abort('SIGINT');
    } else if (clock.monotonic() - first > bounceTime) abandon.abort('SIGINT');
  };
  const onTerm = () => {
    first ??= clock.monotonic();
    cancel.abort('SIGTERM');
  };
  process.on('SIGINT', onInt).on('SIGTERM', onTerm).on('SIGHUP', onTerm);
  return {
    cancel: cancel.signal,
    abandon: abandon.signal,
    stop: () => process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onTerm),
  };
}

/** Runs work that signals can cancel; resolves to its exit code, or that of the signal. */
export async function interruptible(
  clock: Clock,
  work: (cancel: AbortSignal) => Promise<number>,
): Promise<number> {
  const { cancel, stop } = listenForInterrupts(clock);
  try {
    return await work(cancel);
  } catch (error) {
    if (!cancel.aborted) throw error;
    return cancel.reason === 'SIGTERM' ? 143 : 130;
  } finally {
    stop();
  }
}

import type { Clock } from '../domain/clock.js';

/** How a person or a supervisor ends a run. */
export interface Interrupts {
  /** The first Ctrl-C, TERM or HUP. */
  readonly cancel: AbortSignal;
  /** A second Ctrl-C, more than a second later: stop where it is. */
  readonly abandon: AbortSignal;
  /** Listens no more. */
  stop(): void;
}

/** Below this, a second Ctrl-C is taken for a bounced key. ms */
const patience = 1000;

/** Listens for signals. TERM and HUP begin the undo and never cut it short: their sender may not be looking. */
export function listenForInterrupts(clock: Clock): Interrupts {
  const cancel = new AbortController();
  const abandon = new AbortController();
  let first: number | undefined;
  const onInt = () => {
    if (first === undefined) {
      first = clock.monotonic();
      cancel.abort('SIGINT');
    } else if (clock.monotonic() - first > patience) abandon.abort('SIGINT');
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

/** Does work that a signal may end; what it gives up then is the exit code of that signal. */
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

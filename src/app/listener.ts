import type { CallObserver, PendingCall } from '../host/call-log.js';
import type { RunEvent } from '../run/events.js';

/** Hears what a command does while it works: a terminal, a page or a log. None of it throws. */
export interface Listener {
  event(event: RunEvent): void;
  /** Hears of a call to a host when it begins, and through the returned function when it ends. */
  call(call: PendingCall): CallObserver;
  /**
   * Says that work without steps is under way, until the returned function is called. `late` work is told only once it takes
   * long; `brief` work only where the line can be taken away again.
   */
  busy(text: string, options?: BusyOptions): () => void;
  note(text: string): void;
  warn(text: string): void;
}

export interface BusyOptions {
  readonly late?: boolean;
  readonly brief?: boolean;
}

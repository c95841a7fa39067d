import type { CallObserver, PendingCall } from '../host/call-log.js';
import type { RunEvent } from '../run/events.js';

/** Receives the progress of a command, for a terminal or a log. Its methods never throw. */
export interface Listener {
  event(event: RunEvent): void;
  /** Reports the start of a call to a host; returns a function that reports its end. */
  call(call: PendingCall): CallObserver;
  /**
   * Shows that work is in progress until the returned function is called. Shows `late` work only once it takes long, and
   * `brief` work only on terminals that can erase it.
   */
  busy(text: string, options?: BusyOptions): () => void;
  note(text: string): void;
  warn(text: string): void;
}

export interface BusyOptions {
  readonly late?: boolean;
  readonly brief?: boolean;
}

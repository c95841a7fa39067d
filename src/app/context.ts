import type { Clock } from '../domain/clock.js';
import type { Redaction } from '../domain/redact.js';
import type { Adapters } from './adapters.js';

/** Everything that commands may use of this process, so that tests can replace it. */
export interface Context {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly user: string;
  /** `user@machine`, for logs and leases. */
  readonly who: string;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** A short ID that no other run has. */
  readonly runId: () => string;
  /** The folder of this user's environments and sandboxes. */
  readonly stateDir: string;
  /** The folder of this user's settings. */
  readonly configDir: string;
  /** The folder of the installed package. */
  readonly packageDir: string;
  /** The secrets that must not appear in any output. */
  readonly redaction: Redaction;
  readonly adapters: Adapters;
  /** Clears the line that was printed while the command was loading. */
  readonly clearStartupLine?: () => void;
}

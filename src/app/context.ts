import type { Clock } from '../domain/clock.js';
import type { Redaction } from '../domain/redact.js';
import type { Adapters } from './adapters.js';

/** What of the process the commands may see: everything that a test would want to choose. */
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
  /** Where environments and sandboxes of this user are kept. */
  readonly stateDir: string;
  /** Where this user's own settings are. */
  readonly configDir: string;
  /** The folder of the installed package. */
  readonly packageDir: string;
  /** The secrets that nothing of this process may show. */
  readonly redaction: Redaction;
  readonly adapters: Adapters;
  /** Takes away what stands on the terminal since before the command was loaded. */
  readonly clearStartupLine?: () => void;
}

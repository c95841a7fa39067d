import type { AnyTask, RunInfo } from '../domain/task.js';
import type { RunEvent } from './events.js';

/** Where the events of one run are kept. */
export interface Journal {
  /** Resolves when the event is on the disk. Events are kept, and their promises resolved, in the order of the calls. */
  append(event: RunEvent): Promise<void>;
}

/** The tasks that this program knows, by name. */
export type Registry<Facts, Ports> = ReadonlyMap<string, AnyTask<Facts, Ports>>;

/** A lease on a set of hosts: no other run of the same environment changes them while it is held. */
export interface Lease {
  /** Aborted when the lease is lost: nothing may be sent to its hosts any more. */
  readonly lost: AbortSignal;
  /** Tells others who look at the lease which step is under way. */
  describe(step: string): void;
  /** Gives the lease back; safe to call twice. */
  release(): Promise<void>;
}

/** The lease on the hosts of a run. */
export interface Leases {
  /** Takes it on all hosts or on none. Throws a failure of kind `lease` that names the holder when another run holds one of them. */
  take(run: RunInfo): Promise<Lease>;
}

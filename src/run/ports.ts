import type { AnyTask, RunInfo } from '../domain/task.js';
import type { RunEvent } from './events.js';

/** Stores the events of one run. */
export interface Journal {
  /** Resolves when the event is on disk. Keeps the order of the calls. */
  append(event: RunEvent): Promise<void>;
}

/** The known tasks, by name. */
export type Registry<Facts, Ports> = ReadonlyMap<string, AnyTask<Facts, Ports>>;

/** A lease on a set of hosts. No other run of the same environment changes them while it is held. */
export interface Lease {
  /** Aborted when the lease is lost on all hosts: nothing may be changed any more. */
  readonly lost: AbortSignal;
  /** Each host with a signal that is aborted, with a Failure, when its lease is lost: that host may not be changed any more. */
  readonly hosts: ReadonlyMap<string, AbortSignal>;
  /** Resolves once every host has confirmed its lease again or has lost it. */
  confirm(): Promise<void>;
  /** Publishes the current step for others who wait for the lease. */
  describe(step: string): void;
  /** Releases the lease. Safe to call twice. */
  release(): Promise<void>;
}

/** Takes leases on the hosts of a run. */
export interface Leases {
  /** Takes a lease on all hosts or none. Throws a `lease` {@link Failure} that names the holder if another run holds one. */
  take(run: RunInfo): Promise<Lease>;
}

import { Failure } from '../domain/failure.js';
import type { Service } from '../domain/service.js';
import { leaseHolders } from '../host/lease/lease.js';
import type { ConnectedEnvironment } from './connect.js';
import { orFailure } from './or-failure.js';
import type { ReadableRun } from './runs.js';
import type { Session } from './session.js';
import type { StatusInput } from './status.js';

/** The sources of a status. */
export interface StatusSources {
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly services: readonly Service[];
  /** Reads the runs of this machine. */
  readonly runs: () => Promise<readonly ReadableRun[]>;
}

/** Reads all sources in parallel. With a signal, reconnects to lost hosts. */
export async function readStatus(
  { session, connected, services, runs: readRuns }: StatusSources,
  signal?: AbortSignal,
): Promise<StatusInput> {
  const hosts = [...connected.hosts.connected.values()];
  const [{ facts, problems }, leases, runs] = await Promise.all([
    connected.snapshot(signal),
    Promise.all(hosts.map((host) => orFailure(leaseHolders([host], session.id)))),
    readRuns(),
  ]);
  const holders = leases.flatMap((lease) => (lease instanceof Failure ? [] : lease));
  // An unreachable host is reported only once.
  const unread = leases.filter((lease) => lease instanceof Failure);
  const others = unread.filter((failure) => !problems.some(({ host }) => host === failure.host));
  const now = session.context.clock.now();
  return { id: session.id, services, facts, now, problems: [...problems, ...others], holders, runs };
}

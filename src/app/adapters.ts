import type { Cloud } from '../cloud/cloud.js';
import type { Clock } from '../domain/clock.js';
import type { HostAddress } from '../domain/environment.js';
import type { CloudCall } from '../domain/plain-command.js';
import type { Probe, ProbeAnswer } from '../host/host.js';
import type { Hosts, HostsOptions } from '../host/hosts.js';
import type { Journal } from '../run/ports.js';

/** Opens the connections, cloud and journal of a run; tests supply their own. */
export interface Adapters {
  /** Connects to all hosts in parallel. Returns unreachable hosts as failures; never throws a Failure. */
  connect(addresses: readonly HostAddress[], options: HostsOptions): Promise<Hosts>;
  /** Sends an HTTP request from this machine. Throws a Failure of kind `unhealthy` if there is no HTTP response. */
  probe(probe: Probe, clock: Clock, signal: AbortSignal): Promise<ProbeAnswer>;
  /** Opens the cloud account that the variables select. */
  openCloud(options: CloudOptions): Promise<Cloud>;
  /** Returns a function that formats a cloud call as a command of the cloud's own CLI. */
  cloudCommand(): Promise<(call: CloudCall) => string>;
  /** Opens the journal of a run in `runsDir`; writes nothing before the first event. */
  openJournal(runsDir: string, run: string, redact: (text: string) => string): Promise<OpenJournal>;
}

export interface CloudOptions {
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Receives the reason when a call is delayed, such as a lost network or throttling. */
  readonly onWaiting: (text: string) => void;
}

/** A journal that must be closed. */
export interface OpenJournal extends Journal {
  close(): Promise<void>;
}

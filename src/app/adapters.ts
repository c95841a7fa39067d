import type { Cloud } from '../cloud/cloud.js';
import type { Clock } from '../domain/clock.js';
import type { HostAddress } from '../domain/environment.js';
import type { CloudCall } from '../domain/plain-command.js';
import type { Hosts, HostsOptions } from '../host/hosts.js';
import type { Journal } from '../run/ports.js';

/** Opens everything outside this process that a run works with; a test or another program gives its own. */
export interface Adapters {
  /** Connects to all hosts in parallel. Those that cannot be reached are failures of the result; never throws a Failure. */
  connect(addresses: readonly HostAddress[], options: HostsOptions): Promise<Hosts>;
  /** The cloud of the account that the variables name. */
  openCloud(options: CloudOptions): Promise<Cloud>;
  /** Spells a call of the cloud as a command of its own command-line tool. */
  cloudCommand(): Promise<(call: CloudCall) => string>;
  /** The journal of a run, in the folder of a project's runs; nothing is written before the first event. */
  openJournal(runsDir: string, run: string, redact: (text: string) => string): Promise<OpenJournal>;
}

export interface CloudOptions {
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Hears why a call takes longer than its answer does: the network is gone, or too many calls were made. */
  readonly onWaiting: (text: string) => void;
}

/** A journal to append to until it is closed. */
export interface OpenJournal extends Journal {
  close(): Promise<void>;
}

import type { Cloud } from '../cloud/cloud.js';
import type { Poll } from '../cloud/poll.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import type { Instance, Service } from '../domain/service.js';
import type { AnyTask, RunInfo, Subject, Task } from '../domain/task.js';
import { defineTask } from '../domain/task.js';
import type { Command, CommandResult, Host, Probe, ProbeAnswer, WithLogin } from '../host/host.js';

/** Everything that a task can act on. */
export interface Ports {
  /** Returns a connected host of the run. */
  host(name: string): Host;
  /** Returns the cloud. Throws a Failure if no service of the run has a target group. */
  cloud(): Cloud;
  /** Polls the cloud; all steps share the same poll times. */
  readonly poll: Poll;
  /** Returns secret values by name. Throws a Failure that lists all missing ones. */
  secrets(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  readonly withLogin: WithLogin;
  /** Returns the variables that tell a command which run started it. */
  variables(run: RunInfo): Readonly<Record<string, string>>;
  /** Sends an HTTP request from this machine. Throws a Failure of kind `unhealthy` if there is no HTTP response. */
  probe(probe: Probe, signal: AbortSignal): Promise<ProbeAnswer>;
  /** Runs a command on this machine, in the project's folder. */
  local(command: Command, onLine: (line: string) => void, signal: AbortSignal): Promise<CommandResult>;
}

export type OneclickTask = AnyTask<Facts, Ports>;

/** Defines a task of oneclick. */
export function task<Input, Intent, Receipt>(
  definition: Task<Facts, Ports, Input, Intent, Receipt>,
): OneclickTask {
  return defineTask(definition);
}

/** Returns the service of a step with scope `service` or `instance`. */
export function serviceOf(subject: Subject): Service {
  if (subject.service === undefined) throw new Error(`${subject.step}: bound without a service`);
  return subject.service;
}

/** Returns service, instance and host facts of a step with scope `instance`. */
export function instanceOf(
  facts: Facts,
  subject: Subject,
): { service: Service; instance: Instance; host: HostFacts } {
  const service = serviceOf(subject);
  if (subject.instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  return { service, instance: subject.instance, host: hostFacts(facts, subject.instance.host) };
}

/** Returns the facts of a host. Throws a Failure if they could not be read. */
export function hostFacts(facts: Facts, name: string): HostFacts {
  const host = facts.hosts[name];
  if (host === undefined)
    throw new Failure('unreachable', 'host.unknown', 'cannot read the facts of this host', { host: name });
  return host;
}

/** Returns the host name of a step with scope `instance` or `host`. */
export function hostName(subject: Subject): string {
  const name = subject.instance?.host ?? subject.host;
  if (name === undefined) throw new Error(`${subject.step}: bound without a host`);
  return name;
}

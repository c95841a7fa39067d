import type { Cloud } from '../cloud/cloud.js';
import type { Poll } from '../cloud/poll.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import type { Instance, Service } from '../domain/service.js';
import type { AnyTask, Subject, Task } from '../domain/task.js';
import { defineTask } from '../domain/task.js';
import type { Command, CommandResult, Host, RegistryAuth } from '../host/host.js';

/** What the tasks work on. */
export interface Ports {
  /** A host of the run, connected. */
  host(name: string): Host;
  /** The cloud that instances and load balancers live in. Throws a Failure where no service of the run has a target group. */
  cloud(): Cloud;
  /** Waits for something in the cloud; all steps look at the same moments. */
  readonly poll: Poll;
  /** Values of secrets by name; throws a Failure that lists all that are missing. */
  secrets(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The caller's credentials for the registry of this reference. */
  auth(reference: string): Promise<RegistryAuth | undefined>;
  /** Runs a command on this machine, in the project's folder. */
  local(command: Command, onLine: (line: string) => void, signal: AbortSignal): Promise<CommandResult>;
}

export type OneclickTask = AnyTask<Facts, Ports>;

/** A task over the facts and the world of this program. */
export function task<Input, Intent, Receipt>(
  definition: Task<Facts, Ports, Input, Intent, Receipt>,
): OneclickTask {
  return defineTask(definition);
}

/** The service that a step of scope `service` or `instance` is about. */
export function serviceOf(subject: Subject): Service {
  if (subject.service === undefined) throw new Error(`${subject.step}: bound without a service`);
  return subject.service;
}

/** Service and instance of a step of scope `instance`, and what is known of its host. */
export function placeOf(
  facts: Facts,
  subject: Subject,
): { service: Service; instance: Instance; host: HostFacts } {
  const service = serviceOf(subject);
  if (subject.instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  return { service, instance: subject.instance, host: hostFacts(facts, subject.instance.host) };
}

export function hostFacts(facts: Facts, name: string): HostFacts {
  const host = facts.hosts[name];
  if (host === undefined)
    throw new Failure('unreachable', 'host.unknown', 'its facts could not be read', { host: name });
  return host;
}

/** The name of the host that an instance step works on. */
export function hostName(subject: Subject): string {
  const name = subject.instance?.host ?? subject.host;
  if (name === undefined) throw new Error(`${subject.step}: bound without a host`);
  return name;
}

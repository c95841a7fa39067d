import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { serving } from '../domain/rollout.js';
import type { Instance, Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import type { Host } from '../host/host.js';
import type { World } from '../tasks/world.js';
import { chooseServices, refuseUnknown } from './choice.js';

/** An instance of a service, and the container that serves there, where one does. */
export interface Place {
  readonly service: Service;
  readonly instance: Instance;
  readonly container?: ContainerFacts;
}

/** The services that were named, all by default, for a command that needs the value of no secret. */
export function servicesToLookAt(all: readonly Service[], names: readonly string[]): readonly Service[] {
  return servicesOn(all, names, []).map((service) => ({ ...service, secrets: [] }));
}

/** The services that were named, all by default, on the hosts that were named. Throws usage failures that name what exists. */
export function servicesOn(
  all: readonly Service[],
  names: readonly string[],
  hosts: readonly string[],
): readonly Service[] {
  return chooseServices(all, { services: names, only: hosts, images: [] });
}

/** The one service that a command is about: the named one, or the only one. Throws a usage Failure that names them otherwise. */
export function oneService(all: readonly Service[], name: string | undefined): Service {
  const names = all.map((service) => service.name);
  if (name !== undefined) refuseUnknown('service', name, names);
  const [found, ...others] = name === undefined ? all : all.filter((service) => service.name === name);
  if (found !== undefined && others.length === 0) return found;
  throw new Failure('usage', 'service.which', 'there are several services: which one?', {
    hint: `name one of ${names.join(', ')}`,
  });
}

/** Where the services run, in the order of the services and their instances. */
export function placesOf(facts: Facts, run: RunInfo, services: readonly Service[]): readonly Place[] {
  return services.flatMap((service) =>
    service.instances.map((instance) => {
      const known = facts.hosts[instance.host];
      const [container] = known === undefined ? [] : serving(known, run, service.name);
      return { service, instance, ...(container === undefined ? {} : { container }) };
    }),
  );
}

/** The container that runs there, and its host. Throws a Failure with the hint when none does. */
export function runningAt(
  world: Pick<World, 'host'>,
  { service, instance, container }: Place,
  hint: string,
): { readonly host: Host; readonly container: string } {
  const host = world.host(instance.host);
  if (container !== undefined) return { host, container: container.id };
  throw new Failure('failed', 'service.stopped', `${service.name} does not run on ${instance.host}`, {
    ...{ host: instance.host, hint },
  });
}

import type { EnvironmentId } from '../domain/environment.js';
import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { serving } from '../domain/rollout.js';
import type { Instance, Service } from '../domain/service.js';
import type { Host } from '../host/host.js';
import type { Ports } from '../tasks/task.js';
import { requireKnown, selectServices } from './choose-services.js';

/** An instance of a service, and its serving container, if any. */
export interface ServiceInstance {
  readonly service: Service;
  readonly instance: Instance;
  readonly container?: ContainerFacts;
}

/** Returns the named services, or all, on the named hosts. Throws usage failures that list the known names. */
export function selectOnHosts(
  all: readonly Service[],
  names: readonly string[],
  hosts: readonly string[],
): readonly Service[] {
  return selectServices(all, { services: names, only: hosts, images: [] });
}

/** Returns the named service, or the only one. Throws a usage Failure that lists the known names. */
export function oneService(all: readonly Service[], name: string | undefined): Service {
  const names = all.map((service) => service.name);
  if (name !== undefined) requireKnown('service', name, names);
  const [found, ...others] = name === undefined ? all : all.filter((service) => service.name === name);
  if (found !== undefined && others.length === 0) return found;
  throw new Failure('usage', 'service.which', 'a service is required when there are several', {
    hint: `name one of ${names.join(', ')}`,
  });
}

/** Returns all instances of the services, in order, with their serving containers. */
export function serviceInstances(
  facts: Facts,
  id: EnvironmentId,
  services: readonly Service[],
): readonly ServiceInstance[] {
  return services.flatMap((service) =>
    service.instances.map((instance) => {
      const known = facts.hosts[instance.host];
      const [container] = known === undefined ? [] : serving(known, id, service.name);
      return { service, instance, ...given({ container }) };
    }),
  );
}

/** Returns the serving container and its host. Throws a Failure with `hint` if there is none. */
export function runningContainer(
  ports: Pick<Ports, 'host'>,
  { service, instance, container }: ServiceInstance,
  hint: string,
): { readonly host: Host; readonly container: string } {
  const host = ports.host(instance.host);
  if (container !== undefined) return { host, container: container.id };
  throw new Failure('failed', 'service.stopped', `${service.name} is not running on ${instance.host}`, {
    ...{ host: instance.host, hint },
  });
}

import type { EnvironmentId } from '../domain/environment.js';
import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { serving } from '../domain/rollout.js';
import type { Instance, Service } from '../domain/service.js';
import type { Host } from '../host/host.js';
import type { Ports } from '../tasks/task.js';
import { requireKnown, selectServices } from './choose-services.js';

/** An instance of a service, and the container that serves there, where one does. */
export interface ServiceInstance {
  readonly service: Service;
  readonly instance: Instance;
  readonly container?: ContainerFacts;
}

/** The services that were named, all by default, for a command that needs the value of no secret. */
export function selectWithoutSecrets(all: readonly Service[], names: readonly string[]): readonly Service[] {
  return selectOnHosts(all, names, []).map((service) => ({ ...service, secrets: [] }));
}

/** The services that were named, all by default, on the hosts that were named. Throws usage failures that name what exists. */
export function selectOnHosts(
  all: readonly Service[],
  names: readonly string[],
  hosts: readonly string[],
): readonly Service[] {
  return selectServices(all, { services: names, only: hosts, images: [] });
}

/** The one service that a command is about: the named one, or the only one. Throws a usage Failure that names them otherwise. */
export function oneService(all: readonly Service[], name: string | undefined): Service {
  const names = all.map((service) => service.name);
  if (name !== undefined) requireKnown('service', name, names);
  const [found, ...others] = name === undefined ? all : all.filter((service) => service.name === name);
  if (found !== undefined && others.length === 0) return found;
  throw new Failure('usage', 'service.which', 'there are several services: which one?', {
    hint: `name one of ${names.join(', ')}`,
  });
}

/** Where the services run, in the order of the services and their instances. */
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

/** The container that runs there, and its host. Throws a Failure with the hint when none does. */
export function runningContainer(
  ports: Pick<Ports, 'host'>,
  { service, instance, container }: ServiceInstance,
  hint: string,
): { readonly host: Host; readonly container: string } {
  const host = ports.host(instance.host);
  if (container !== undefined) return { host, container: container.id };
  throw new Failure('failed', 'service.stopped', `${service.name} does not run on ${instance.host}`, {
    ...{ host: instance.host, hint },
  });
}

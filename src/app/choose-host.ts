import type { Environment, HostAddress } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { requireKnown } from './choose-services.js';

/** Returns the host with this name, the host of `service/1`, or the only host. Throws usage failures that list the hosts. */
export function chosenHost({ hosts, services }: Environment, name: string | undefined): HostAddress {
  const names = hosts.map((host) => host.name);
  const [only, ...others] = hosts;
  if (name === undefined) {
    if (only !== undefined && others.length === 0) return only;
    throw new Failure('usage', 'host.which', 'a host is required when there are several', {
      hint: `name one of ${names.join(', ')}`,
    });
  }
  const found = hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const [, service, number] = /^([^/]+)\/(\d{1,6})$/.exec(name) ?? [];
  if (services.some((known) => known.name === name))
    throw new Failure('usage', 'host.unknown', `unknown host "${name}"`, {
      hint: `for the first instance of ${name}: oneclick ssh ${name}/1`,
    });
  if (service === undefined) requireKnown('host', name, names);
  requireKnown(
    'service',
    service ?? '',
    services.map((known) => known.name),
  );
  const instances = services.find((known) => known.name === service)?.instances ?? [];
  const instance = instances[Number(number) - 1];
  const host = hosts.find((known) => known.name === instance?.host);
  if (host !== undefined) return host;
  throw new Failure('usage', 'host.unknown', `unknown instance "${name}"`, {
    hint: `available: ${instances.map((_, index) => `${service}/${index + 1}`).join(', ')}`,
  });
}

import { Failure } from '../../domain/failure.js';
import type { Service } from '../../domain/service.js';
import { requireKnown } from '../choose-services.js';
import { oneService } from '../instances.js';
import type { Copy } from './copy-arguments.js';

/** Returns the service with the instances to copy from or to. Throws usage failures that list the known ones. */
export function copyInstances(
  services: readonly Service[],
  { out, remote: { service: name, number } }: Pick<Copy, 'out' | 'remote'>,
  { host, all }: { readonly host?: string; readonly all: boolean },
): Service {
  const service = oneService(services, name);
  const selectors = [
    all ? '--all' : [],
    host === undefined ? [] : '--host',
    number ? `${name}/${number}` : [],
  ];
  const [first, second] = selectors.flat();
  const usage = (code: string, message: string, hint: string) =>
    new Failure('usage', code, message, { hint });
  if (second !== undefined)
    throw usage('arguments', `${first} cannot be combined with ${second}`, 'remove one of them');
  if (all && out)
    throw usage(
      'arguments',
      '--all can only copy into containers',
      `copy from one at a time: ${name}/1:/path`,
    );
  if (all) return service;
  const hosts = service.instances.map((instance) => instance.host);
  if (host !== undefined) requireKnown('host', host, hosts);
  const instance = service.instances[host === undefined ? (number ?? 1) - 1 : hosts.indexOf(host)];
  if (instance !== undefined) return { ...service, instances: [instance] };
  const known = hosts.map((_, index) => `${name}/${index + 1}`).join(', ');
  throw usage('instance.unknown', `unknown instance "${name}/${number ?? 1}"`, `available: ${known}`);
}

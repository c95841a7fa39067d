import { Failure } from '../../domain/failure.js';
import type { Service } from '../../domain/service.js';

/** Returns the services with a target group. Throws a usage Failure if there are none, or if a named one has none. */
export function balancedServices(services: readonly Service[], names: readonly string[]): readonly Service[] {
  const without = services.find(({ name, targetGroup }) => targetGroup === undefined && names.includes(name));
  const found = services.filter(({ targetGroup }) => targetGroup !== undefined);
  if (without === undefined && found.length > 0) return found;
  throw new Failure(
    'usage',
    'target-group.none',
    without === undefined ? 'no service has a target group' : `${without.name} has no target group`,
    { hint: `add to ${without?.name ?? 'the service'} in oneclick.yml: target_group: NAME` },
  );
}

import type { Scope } from '../domain/task.js';

/** What a step runs for: of a service, of an instance of it, of a host. */
export type Dimension = 'service' | 'instance' | 'host';

/** Where in a recipe a step stands: inside `each: service`, and inside `rolling:`. */
export interface PlanPosition {
  readonly each: boolean;
  readonly rolling: boolean;
}

export const top: PlanPosition = { each: false, rolling: false };

/** What the steps of a task with this scope are bound to at this place. */
export function dimensions(place: PlanPosition, scope: Scope): readonly Dimension[] {
  const instance = place.rolling || scope === 'instance';
  const found: Dimension[] = [];
  if (place.each || instance || scope === 'service') found.push('service');
  if (instance) found.push('instance');
  if (instance || scope === 'host') found.push('host');
  return found;
}

/**
 * Over what a receipt must be gathered for a step that is bound to less than its provider: the rollouts of all services for a
 * step that runs once are `{web: …, api: …}`. An instance says its host.
 */
export function gathered(
  provider: readonly Dimension[],
  consumer: readonly Dimension[],
): readonly Dimension[] {
  return provider.filter(
    (dimension) => !consumer.includes(dimension) && !(dimension === 'host' && provider.includes('instance')),
  );
}

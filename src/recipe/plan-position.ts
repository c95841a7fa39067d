import type { Scope } from '../domain/task.js';

/** A dimension that steps are bound to. */
export type Dimension = 'service' | 'instance' | 'host';

/** Whether a step is inside `each: service` and inside `rolling:`. */
export interface PlanPosition {
  readonly each: boolean;
  readonly rolling: boolean;
}

export const top: PlanPosition = { each: false, rolling: false };

/** Returns what a task with this scope is bound to at a position. */
export function dimensions(place: PlanPosition, scope: Scope): readonly Dimension[] {
  const instance = place.rolling || scope === 'instance';
  const found: Dimension[] = [];
  if (place.each || instance || scope === 'service') found.push('service');
  if (instance) found.push('instance');
  if (instance || scope === 'host') found.push('host');
  return found;
}

/**
 * Returns the dimensions that the provider of a receipt has and its consumer does not. The receipts are collected over
 * them: a step that runs once gets `{web: …, api: …}`. An instance implies its host.
 */
export function extraDimensions(
  provider: readonly Dimension[],
  consumer: readonly Dimension[],
): readonly Dimension[] {
  return provider.filter(
    (dimension) => !consumer.includes(dimension) && !(dimension === 'host' && provider.includes('instance')),
  );
}

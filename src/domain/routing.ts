import type { Service } from './service.js';

/** The router in front of a service: none, or the load balancers of a target group. */
export type Router = 'none' | 'target-group';

/** The order in which containers are replaced. */
export type Swap = Service['swap'];

export function routerOf({ targetGroup }: Pick<Service, 'targetGroup'>): Router {
  return targetGroup === undefined ? 'none' : 'target-group';
}

/** The default order for each router; `alone` if two containers of the service must not run at once. */
export const defaultSwaps: Readonly<Record<Router, { readonly usual: Swap; readonly alone: Swap }>> = {
  none: { usual: 'plain', alone: 'plain' },
  'target-group': { usual: 'beside', alone: 'drain' },
};

/** Whether the order requires changes at the router. */
export const needsRouter: Readonly<Record<Swap, boolean>> = { plain: false, beside: true, drain: true };

/** Whether a deploy updates the router. With `plain` the router relies on its own health checks. */
export function changesThroughRouter(service: Pick<Service, 'targetGroup' | 'swap'>): boolean {
  return routerOf(service) !== 'none' && needsRouter[service.swap];
}

/** Whether old containers keep running after a deploy until they have drained. */
export function leavesOldRunning(service: Pick<Service, 'targetGroup' | 'swap'>): boolean {
  return changesThroughRouter(service) && service.swap === 'beside';
}

import type { Service } from './service.js';

/** Who routes requests to a service: nobody, or the load balancers of a target group. */
export type Router = 'none' | 'target-group';

/** In which order the containers of a service change. */
export type Swap = Service['swap'];

export function routerOf({ targetGroup }: Pick<Service, 'targetGroup'>): Router {
  return targetGroup === undefined ? 'none' : 'target-group';
}

/** The order that is usual with each router; `alone` where two containers of the service must not run at once. */
export const defaultSwaps: Readonly<Record<Router, { readonly usual: Swap; readonly alone: Swap }>> = {
  none: { usual: 'plain', alone: 'plain' },
  'target-group': { usual: 'beside', alone: 'drain' },
};

/** Whether the order needs a router that is told of each change. */
export const needsRouter: Readonly<Record<Swap, boolean>> = { plain: false, beside: true, drain: true };

/** Whether its router is told when its containers change; with `plain` it finds out by its own health checks. */
export function changesThroughRouter(service: Pick<Service, 'targetGroup' | 'swap'>): boolean {
  return routerOf(service) !== 'none' && needsRouter[service.swap];
}

/** Whether the old containers still run after a change, until the router has drained them. */
export function leavesOldRunning(service: Pick<Service, 'targetGroup' | 'swap'>): boolean {
  return changesThroughRouter(service) && service.swap === 'beside';
}

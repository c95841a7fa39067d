import type { Service } from './service.js';

/** Who sends requests to a service: nobody, or the load balancers of a target group. */
export type Router = 'none' | 'target-group';

export function routerOf({ targetGroup }: Pick<Service, 'targetGroup'>): Router {
  return targetGroup === undefined ? 'none' : 'target-group';
}

/** Whether its router is told when its containers change; with `plain` it finds out by its own health checks. */
export function changesThroughRouter(service: Pick<Service, 'targetGroup' | 'swap'>): boolean {
  return routerOf(service) !== 'none' && service.swap !== 'plain';
}

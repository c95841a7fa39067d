import type { Region } from '../action.js';
import { type BalancerState, openBalancerState, reconcile } from './balancer-state.js';
import { addressOf } from './instances.js';
import { listenerActions } from './listeners.js';
import { loadBalancerActions } from './load-balancers.js';
import { haproxies } from './proxy.js';
import { ruleActions } from './rules.js';
import { tagActions } from './tags.js';
import { targetGroupActions } from './target-groups.js';
import { targetActions } from './targets.js';

/** The actions of Elastic Load Balancing version 2015-12-01 (v2), by name. */
export function elbActionsIn(world: BalancerState) {
  return {
    ...loadBalancerActions(world),
    ...targetGroupActions(world),
    ...listenerActions(world),
    ...ruleActions(world),
    ...targetActions(world),
    ...tagActions,
  };
}

const world = openBalancerState(haproxies, addressOf);

/** The actions on real proxies. */
export const elbActions = elbActionsIn(world);

/** To be started by the endpoint when it opens; ends when the context's signal is aborted. See {@link reconcile}. */
export function reconcileLoadBalancers(region: Region): Promise<void> {
  return reconcile(world, region);
}

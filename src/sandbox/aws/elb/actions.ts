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

/** Returns the actions of Elastic Load Balancing v2 (2015-12-01). */
export function elbActionsFor(state: BalancerState) {
  return {
    ...loadBalancerActions(state),
    ...targetGroupActions(state),
    ...listenerActions(state),
    ...ruleActions(state),
    ...targetActions(state),
    ...tagActions,
  };
}

const state = openBalancerState(haproxies, addressOf);

/** The actions with real proxies. */
export const elbActions = elbActionsFor(state);

/** Runs until the context's signal is aborted. See {@link reconcile}. */
export function reconcileLoadBalancers(region: Region): Promise<void> {
  return reconcile(state, region);
}

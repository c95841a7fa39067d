import { messageOf } from '../../docker.js';
import type { Region } from '../action.js';
import { balancerId, balancerOf, targetGroupsOf, targetsOf } from './balancer.js';
import { loadBalancers, type Target, targetGroups } from './documents.js';
import type { Instance } from './instances.js';
import type { Proxies } from './proxy.js';

/** Keeps proxies in line with the documents; changes of one load balancer run one after the other. */
export interface BalancerState {
  /** Returns an instance's address and whether it runs. */
  addressOf(region: Region, instance: string): Promise<Instance | undefined>;
  readonly proxies: Pick<Proxies, 'checks'>;
  /** Applies the documents to a load balancer's proxy; combines calls that wait for their turn. */
  sync(region: Region, loadBalancer: string): Promise<void>;
  /** Removes a load balancer's proxy, then its documents, without other changes in between. */
  removeProxy(region: Region, loadBalancer: string, removeDocuments: () => Promise<void>): Promise<void>;
}

/** Creates the state for real or fake proxies. */
export function openBalancerState(proxies: Proxies, addressOf: BalancerState['addressOf']): BalancerState {
  const queues = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const enqueue = (arn: string, work: () => Promise<void>) => {
    const turn = (queues.get(arn) ?? Promise.resolve()).catch(() => {}).then(work);
    queues.set(arn, turn);
    return turn;
  };
  return {
    addressOf,
    proxies,
    sync: (region, arn) => {
      const scheduled = waiting.get(arn);
      if (scheduled !== undefined) return scheduled;
      const turn = enqueue(arn, async () => {
        waiting.delete(arn);
        const { store, context } = region;
        const found = store.get(loadBalancers, arn);
        if (found !== undefined) await proxies.apply(region, balancerOf(store, found, context.clock.now()));
      });
      waiting.set(arn, turn);
      return turn;
    },
    removeProxy: (region, arn, removeDocuments) =>
      enqueue(arn, async () => {
        await proxies.remove(region, { id: balancerId(arn) });
        await removeDocuments();
      }),
  };
}

/**
 * Applies the documents to all proxies, then repeats it for each load balancer whose targets start or end draining,
 * until the context's signal is aborted. Reports failures as progress.
 */
export async function reconcile(state: BalancerState, region: Region): Promise<void> {
  const { context, store } = region;
  const syncAll = (arns: readonly string[]) =>
    Promise.all(
      arns.map((arn) =>
        state.sync(region, arn).catch((error: unknown) => context.progress(`${arn}: ${messageOf(error)}`)),
      ),
    );
  await syncAll(store.all(loadBalancers).map(({ arn }) => arn));
  while (!context.signal.aborted) {
    const changed = await expireTargets(region);
    const affected = store
      .all(loadBalancers)
      .filter(({ arn }) => targetGroupsOf(store, arn).some((group) => changed.has(group.arn)));
    await syncAll(affected.map(({ arn }) => arn));
    await context.clock.sleep(500, context.signal).catch(() => {});
  }
}

/** Removes drained targets and ends leaks; returns the ARNs of changed groups. */
async function expireTargets({ context, store }: Region): Promise<ReadonlySet<string>> {
  const changed = new Set<string>();
  for (const { arn } of store.all(targetGroups)) {
    // Read again: an action may have changed the group during a write.
    const group = store.get(targetGroups, arn);
    if (group === undefined) continue;
    const now = context.clock.now();
    const remaining = targetsOf(group, now);
    const leakEnded = (target: Target) => (target.leaksUntil ?? Number.POSITIVE_INFINITY) <= now.getTime();
    if (remaining.length === group.targets.length && !remaining.some(leakEnded)) continue;
    changed.add(arn);
    const targets = remaining.map((target) =>
      leakEnded(target) ? { ...target, leaksUntil: undefined } : target,
    );
    await store.put(targetGroups, arn, { ...group, targets });
  }
  return changed;
}

import { messageOf } from '../../docker.js';
import type { Region } from '../action.js';
import { balancerId, balancerOf, groupsOf, targetsOf } from './balancer.js';
import { loadBalancers, type Target, targetGroups } from './documents.js';
import type { Instance } from './instances.js';
import type { Proxies } from './proxy.js';

/** What the actions need beside the documents, and what they tell it. */
export interface BalancerState {
  addressOf(region: Region, instance: string): Promise<Instance | undefined>;
  readonly proxies: Pick<Proxies, 'checks'>;
  /** Brings the proxy of a load balancer to what the documents say; what is asked for together is done once. */
  enforce(region: Region, loadBalancer: string): Promise<void>;
  /** Removes the proxy of a load balancer, then lets `forget` remove its documents: nothing comes in between. */
  retire(region: Region, loadBalancer: string, forget: () => Promise<void>): Promise<void>;
}

/** The world of real or other proxies. */
export function openBalancerState(proxies: Proxies, addressOf: BalancerState['addressOf']): BalancerState {
  const turns = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const inTurn = (arn: string, work: () => Promise<void>) => {
    const turn = (turns.get(arn) ?? Promise.resolve()).catch(() => {}).then(work);
    turns.set(arn, turn);
    return turn;
  };
  return {
    addressOf,
    proxies,
    enforce: (region, arn) => {
      const asked = waiting.get(arn);
      if (asked !== undefined) return asked;
      const turn = inTurn(arn, async () => {
        waiting.delete(arn);
        const { store, context } = region;
        const found = store.get(loadBalancers, arn);
        if (found !== undefined) await proxies.apply(region, balancerOf(store, found, context.clock.now()));
      });
      waiting.set(arn, turn);
      return turn;
    },
    retire: (region, arn, forget) =>
      inTurn(arn, async () => {
        await proxies.remove(region, { id: balancerId(arn) });
        await forget();
      }),
  };
}

/**
 * Keeps the proxies true to the documents until the context's signal is aborted: all of them at first, then each whose
 * targets have drained, or begin to. What a proxy refuses is told to `context.progress`. Without it a drained target is gone for the API,
 * but kept by its proxy.
 */
export async function reconcile(world: BalancerState, region: Region): Promise<void> {
  const { context, store } = region;
  const enforceAll = (arns: readonly string[]) =>
    Promise.all(
      arns.map((arn) =>
        world.enforce(region, arn).catch((error: unknown) => context.progress(`${arn}: ${messageOf(error)}`)),
      ),
    );
  await enforceAll(store.all(loadBalancers).map(({ arn }) => arn));
  while (!context.signal.aborted) {
    const touched = await passTime(region);
    const concerned = store
      .all(loadBalancers)
      .filter(({ arn }) => groupsOf(store, arn).some((group) => touched.has(group.arn)));
    await enforceAll(concerned.map(({ arn }) => arn));
    await context.clock.sleep(500, context.signal).catch(() => {});
  }
}

/** Removes drained targets from the documents, and lets those drain that leaked until now; answers which groups had some. */
async function passTime({ context, store }: Region): Promise<ReadonlySet<string>> {
  const touched = new Set<string>();
  for (const { arn } of store.all(targetGroups)) {
    // As it is now: an action may have changed it while another was written.
    const group = store.get(targetGroups, arn);
    if (group === undefined) continue;
    const now = context.clock.now();
    const left = targetsOf(group, now);
    const sealed = (target: Target) => (target.leaksUntil ?? Number.POSITIVE_INFINITY) <= now.getTime();
    if (left.length === group.targets.length && !left.some(sealed)) continue;
    touched.add(arn);
    const targets = left.map((target) => (sealed(target) ? { ...target, leaksUntil: undefined } : target));
    await store.put(targetGroups, arn, { ...group, targets });
  }
  return touched;
}

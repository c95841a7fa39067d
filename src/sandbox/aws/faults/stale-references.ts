import { z } from 'zod';
import type { AwsError, Region } from '../action.js';
import { groups, interfaces } from '../ec2/documents.js';
import { targetGroupsOf } from '../elb/balancer.js';
import { loadBalancers } from '../elb/documents.js';
import type { Kind } from '../store.js';
import type { Call } from '../wire.js';
import { dependencyError, inUseError } from './catalog.js';
import { drawSeconds } from './profile.js';

/** A security group (ID) or target group (ARN) that something refers or referred to. */
interface Reference {
  readonly id: string;
  /** The reference is gone, but blocks deletion until then; ms since 1970. */
  readonly until?: number | undefined;
}

const references: Kind<Reference> = {
  name: 'lingering',
  schema: z.object({ id: z.string(), until: z.number().optional() }),
};

/**
 * Records references, and keeps ended ones for some seconds. Runs before each call, so that the code that ends
 * references does not need to report them.
 */
export async function trackReferences(region: Region): Promise<void> {
  const { store, context } = region;
  const now = context.clock.now().getTime();
  const referenced = referencedIds(region);
  const known = store.all(references);
  const added = [...referenced].filter(
    (id) => !known.some((one) => one.id === id && one.until === undefined),
  );
  const unreferenced = known.filter(({ id }) => !referenced.has(id));
  await Promise.all([
    ...added.map((id) => store.put(references, id, { id })),
    ...unreferenced.map(({ id, until }) => {
      if (until !== undefined) return until > now ? Promise.resolve() : store.remove(references, id);
      return store.put(references, id, { id, until: now + 1_000 * drawSeconds(region, 'lingering') });
    }),
  ]);
}

/** Returns the error for a call that deletes something with a stale reference. */
export function staleReferenceError({ store }: Region, { action, input }: Call): AwsError | undefined {
  const isStale = (id: string) => store.get(references, id)?.until !== undefined;
  if (action === 'DeleteSecurityGroup') {
    const { GroupId, GroupName }: { GroupId?: string; GroupName?: string } = input;
    const id = GroupId ?? store.all(groups).find(({ name }) => name === GroupName)?.id;
    return id !== undefined && isStale(id) ? dependencyError(input) : undefined;
  }
  const { TargetGroupArn = '' }: { TargetGroupArn?: string } = input;
  return action === 'DeleteTargetGroup' && isStale(TargetGroupArn) ? inUseError(input) : undefined;
}

function referencedIds({ store }: Region): ReadonlySet<string> {
  const fromRules = store
    .all(groups)
    .flatMap(({ id, rules }) =>
      rules.flatMap(({ group }) => (group === undefined || group === id ? [] : [group])),
    );
  const fromInterfaces = store.all(interfaces).flatMap((it) => it.groups);
  const fromBalancers = store
    .all(loadBalancers)
    .flatMap(({ arn }) => targetGroupsOf(store, arn).map((it) => it.arn));
  return new Set([...fromRules, ...fromInterfaces, ...fromBalancers]);
}

import { z } from 'zod';
import type { AwsError, Region } from '../action.js';
import { groups, interfaces } from '../ec2/documents.js';
import { groupsOf } from '../elb/balancer.js';
import { loadBalancers } from '../elb/documents.js';
import type { Kind } from '../store.js';
import type { Call } from '../wire.js';
import { dependent, inUse } from './catalog.js';
import { drawSeconds } from './profile.js';

/** What was seen to be referred to: a security group, or a target group by its ARN. */
interface Lingering {
  readonly id: string;
  /** Until when it cannot be deleted, though nothing refers to it any more; milliseconds since 1970. */
  readonly until?: number | undefined;
}

const lingerings: Kind<Lingering> = {
  name: 'lingering',
  schema: z.object({ id: z.string(), until: z.number().optional() }),
};

/**
 * Has what lost its last reference since the call before linger for some seconds. Looked up here, before each call, so that those who end
 * references need not know: rules, instances and load balancers, also those that end after their call was answered.
 */
export async function linger(region: Region): Promise<void> {
  const { store, context } = region;
  const now = context.clock.now().getTime();
  const referred = referredTo(region);
  const known = store.all(lingerings);
  const begun = [...referred].filter((id) => !known.some((one) => one.id === id && one.until === undefined));
  const unreferred = known.filter(({ id }) => !referred.has(id));
  await Promise.all([
    ...begun.map((id) => store.put(lingerings, id, { id })),
    ...unreferred.map(({ id, until }) => {
      if (until !== undefined) return until > now ? Promise.resolve() : store.remove(lingerings, id);
      return store.put(lingerings, id, { id, until: now + 1_000 * drawSeconds(region, 'lingering') });
    }),
  ]);
}

/** What the call is answered when it wants to delete something that lingers. */
export function held({ store }: Region, { action, input }: Call): AwsError | undefined {
  const lingers = (id: string) => store.get(lingerings, id)?.until !== undefined;
  if (action === 'DeleteSecurityGroup') {
    const { GroupId, GroupName }: { GroupId?: string; GroupName?: string } = input;
    const id = GroupId ?? store.all(groups).find(({ name }) => name === GroupName)?.id;
    return id !== undefined && lingers(id) ? dependent(input) : undefined;
  }
  const { TargetGroupArn = '' }: { TargetGroupArn?: string } = input;
  return action === 'DeleteTargetGroup' && lingers(TargetGroupArn) ? inUse(input) : undefined;
}

function referredTo({ store }: Region): ReadonlySet<string> {
  const byRules = store
    .all(groups)
    .flatMap(({ id, rules }) =>
      rules.flatMap(({ group }) => (group === undefined || group === id ? [] : [group])),
    );
  const byInterfaces = store.all(interfaces).flatMap((it) => it.groups);
  const byBalancers = store.all(loadBalancers).flatMap(({ arn }) => groupsOf(store, arn).map((it) => it.arn));
  return new Set([...byRules, ...byInterfaces, ...byBalancers]);
}

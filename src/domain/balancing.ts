import type { Facts, GroupFacts } from './facts.js';
import { Failure } from './failure.js';
import type {
  CloudInstance,
  Target,
  TargetGroup,
  TargetGroupSettings,
  TargetHealth,
} from './target-group.js';

/** Allowed on top of the time that the group's settings imply, ms. */
const grace = 60_000;
/** How long new requests may still arrive after the deregistration delay, ms: load balancer nodes apply it late. */
export const lateRequests = 15_000;

/** The least time that a new target needs to become healthy, ms. */
export function timeToHealthy({ healthCheck }: TargetGroupSettings): number {
  return healthCheck.interval * healthCheck.healthyThreshold;
}

/** How long to wait for a target to become healthy, ms. */
export function healthTimeout(settings: TargetGroupSettings): number {
  // Health must hold for one more interval.
  return timeToHealthy(settings) + settings.healthCheck.interval + settings.slowStart + grace;
}

/** How long to wait for a target to drain, ms. */
export function drainTimeout({ deregistrationDelay }: TargetGroupSettings): number {
  return deregistrationDelay + grace;
}

/** The name of the tag that keeps an instance out of a target group. Its value names the user and the time. */
export function quarantineTag({ name }: Pick<TargetGroup, 'name'>): string {
  return `oneclick:quarantine:${name}`;
}

/** The value of the quarantine tag (user and time), or undefined if the instance is not quarantined. */
export function quarantineOf(
  group: Pick<TargetGroup, 'name'>,
  instance: CloudInstance | undefined,
): string | undefined {
  const tags = instance?.tags ?? {};
  const tag = quarantineTag(group);
  return Object.hasOwn(tags, tag) ? tags[tag] : undefined;
}

/** Returns a target as text, such as `i-0123456789abcdef0:8080`. */
export const targetName = ({ id, port }: Target) => `${id}:${port}`;

/** Whether two targets are the same: an instance may be registered on several ports. */
export const isTarget = (one: Target, other: Target) => one.id === other.id && one.port === other.port;

/** The health of a target, or undefined if it is not registered. */
export function healthOf(targets: readonly TargetHealth[], target: Target): TargetHealth | undefined {
  return targets.find((candidate) => isTarget(candidate, target));
}

/** Whether the target receives requests now or once it is healthy. */
export function isRegistered(health: TargetHealth | undefined): boolean {
  return health !== undefined && health.state !== 'draining';
}

/** Returns a failure if the group would have no healthy target without these instances. */
export function lastHealthy(
  group: Pick<TargetGroup, 'name'>,
  targets: readonly TargetHealth[],
  leaving: readonly string[],
): Failure | undefined {
  const isLeaving = ({ id }: Target) => leaving.includes(id);
  if (targets.some((target) => target.state === 'healthy' && !isLeaving(target))) return undefined;
  // A group without healthy targets sends requests to all of them.
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html
  if (!targets.some((target) => isLeaving(target) && isRegistered(target))) return undefined;
  return new Failure('usage', 'target.last', `no healthy target would be left in ${group.name}`, {
    hint: 'activate another instance first (oneclick lb activate), or add --force',
  });
}

/** Returns the facts of the service's target group. Throws a usage {@link Failure} if it has none. */
export function groupOf(
  facts: Facts,
  service: { readonly name: string; readonly targetGroup?: string | undefined },
): GroupFacts {
  const known = service.targetGroup === undefined ? undefined : facts.groups?.[service.targetGroup];
  if (known !== undefined) return known;
  throw new Failure('usage', 'target-group.none', `${service.name} has no target group`, {
    hint: `add target_group: NAME to ${service.name} in oneclick.yml`,
  });
}

/** Returns a prediction that changes one target group in the facts. */
export function withGroup(
  name: string | undefined,
  change: (group: GroupFacts) => GroupFacts,
): (facts: Facts) => Facts {
  return (facts) => {
    const known = name === undefined ? undefined : facts.groups?.[name];
    return known === undefined || name === undefined
      ? facts
      : { ...facts, groups: { ...facts.groups, [name]: change(known) } };
  };
}

/** Returns a change that adds or replaces a target of the group. */
export function withTarget(health: TargetHealth): (group: GroupFacts) => GroupFacts {
  return (group) => ({
    ...group,
    targets: [...group.targets.filter((target) => !isTarget(target, health)), health],
  });
}

/** Returns a change that sets a tag of an instance, or removes it if `value` is undefined. */
export function withTag(
  id: string,
  key: string,
  value: string | undefined,
): (group: GroupFacts) => GroupFacts {
  return (group) => {
    const instance = group.instances[id];
    if (instance === undefined) return group;
    const { [key]: _, ...others } = instance.tags;
    const tags = value === undefined ? others : { ...others, [key]: value };
    return { ...group, instances: { ...group.instances, [id]: { ...instance, tags } } };
  };
}

/** The reason for a target's state, or an empty string if the cloud gives none. */
export function reasonOf({ reason = '' }: TargetHealth): string {
  return reason;
}

/** The names that a user can give for an instance: its ID, its host, or its place in a service (`web/2`). */
export interface NamedInstance {
  readonly service: string;
  readonly id: string;
  readonly host: string;
  /** Counts from 1. */
  readonly place: number;
}

/** Returns the instances that `word` names. */
export function namedBy(word: string, all: readonly NamedInstance[]): readonly NamedInstance[] {
  return all.filter(
    ({ service, id, host, place }) => word === id || word === host || word === `${service}/${place}`,
  );
}

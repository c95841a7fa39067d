import type { Facts, GroupFacts } from './facts.js';
import { Failure } from './failure.js';
import type {
  CloudInstance,
  Target,
  TargetGroup,
  TargetGroupSettings,
  TargetHealth,
} from './target-group.js';

/** How much longer than its settings say a target may take before somebody should look, ms. */
const grace = 60_000;
/** New requests may reach a target for as long after its deregistration delay, ms: balancers' nodes do not hear of it at once. */
export const lateRequests = 15_000;

/** The shortest time in which a new target becomes healthy, ms. */
export function timeToHealthy({ healthCheck }: TargetGroupSettings): number {
  return healthCheck.interval * healthCheck.healthyThreshold;
}

/** The time after which a target that is not healthy yet is not waited for any longer, ms. */
export function healthTimeout(settings: TargetGroupSettings): number {
  // Twice: an answer must hold for one more interval.
  return timeToHealthy(settings) + settings.healthCheck.interval + settings.slowStart + grace;
}

/** The time after which a target that still drains is not waited for any longer, ms. */
export function drainTimeout({ deregistrationDelay }: TargetGroupSettings): number {
  return deregistrationDelay + grace;
}

/** The tag that keeps an instance out of a target group; its value says who did it and when. */
export function quarantineTag({ name }: Pick<TargetGroup, 'name'>): string {
  return `oneclick:quarantine:${name}`;
}

/** Who keeps the instance out of the group, and since when; undefined where nobody does. */
export function quarantineOf(group: TargetGroup, instance: CloudInstance | undefined): string | undefined {
  const tags = instance?.tags ?? {};
  const tag = quarantineTag(group);
  return Object.hasOwn(tags, tag) ? tags[tag] : undefined;
}

/** Whether two targets are one: an instance may be in a group with several ports. */
export const isTarget = (one: Target, other: Target) => one.id === other.id && one.port === other.port;

/** What the load balancer makes of a target; undefined for one that is not registered. */
export function healthOf(targets: readonly TargetHealth[], target: Target): TargetHealth | undefined {
  return targets.find((candidate) => isTarget(candidate, target));
}

/** Whether requests are sent there, or will be. */
export function isRegistered(health: TargetHealth | undefined): boolean {
  return health !== undefined && health.state !== 'draining';
}

/** Why nobody is left to answer when these instances have gone; undefined where somebody is. */
export function lastHealthy(
  group: Pick<TargetGroup, 'name'>,
  targets: readonly TargetHealth[],
  leaving: readonly string[],
): Failure | undefined {
  const isLeaving = ({ id }: Target) => leaving.includes(id);
  if (targets.some((target) => target.state === 'healthy' && !isLeaving(target))) return undefined;
  // A group without healthy targets sends its requests to all of them.
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html
  if (!targets.some((target) => isLeaving(target) && isRegistered(target))) return undefined;
  return new Failure('usage', 'target.last', `no healthy target would be left in ${group.name}`, {
    hint: 'put another instance in first: oneclick lb activate; or take it out all the same: --force',
  });
}

/** The facts of the group that a service names. Throws a usage Failure where it names none. */
export function groupOf(
  facts: Facts,
  service: { readonly name: string; readonly targetGroup?: string | undefined },
): GroupFacts {
  const known = service.targetGroup === undefined ? undefined : facts.groups?.[service.targetGroup];
  if (known !== undefined) return known;
  throw new Failure('usage', 'target-group.none', `${service.name} has no target group`, {
    hint: `write it into oneclick.yml, below ${service.name}: target_group: NAME`,
  });
}

/** The facts with a group changed: what a check says will be true once its step is done. */
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

/** The group with a target as it will be. */
export function withTarget(health: TargetHealth): (group: GroupFacts) => GroupFacts {
  return (group) => ({
    ...group,
    targets: [...group.targets.filter((target) => !isTarget(target, health)), health],
  });
}

/** The group with a tag of an instance set, or taken away. */
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

/** Why a target is in its state, in a person's words; empty where the cloud does not say. */
export function reasonOf({ reason = '' }: TargetHealth): string {
  return reason;
}

/** What a person may say of an instance: its ID, its host's name, or its place in a service: `web/2`. */
export interface NamedInstance {
  readonly service: string;
  readonly id: string;
  readonly host: string;
  /** 1 for the first instance of the service. */
  readonly place: number;
}

/** Those that `word` stands for. */
export function namedBy(word: string, all: readonly NamedInstance[]): readonly NamedInstance[] {
  return all.filter(
    ({ service, id, host, place }) => word === id || word === host || word === `${service}/${place}`,
  );
}

import type {
  CloudInstance,
  InboundRule,
  Target,
  TargetGroup,
  TargetHealth,
  Tuning,
} from '../domain/target-group.js';

/**
 * What the rest of the program sees of a cloud. Every call throws a Failure: `access` where credentials or permissions are
 * missing, `unreachable` where nothing answers, `usage` for what does not exist. Throttling is waited out, and told to
 * the one who made the port. A `group` is the ARN of a target group.
 */
export interface Cloud {
  /** Those of the instances that exist, by ID; one that does not exist does not hide the others. */
  instances(ids: readonly string[]): Promise<readonly CloudInstance[]>;
  /** The instances that have one of these names in their `Name` tag and have not ended. */
  instancesNamed(names: readonly string[]): Promise<readonly CloudInstance[]>;
  /** Sets tags; others stay. Their keys begin with `oneclick`: the policy that people are given allows no others. */
  tag(instances: readonly string[], tags: Readonly<Record<string, string>>): Promise<void>;
  untag(instances: readonly string[], keys: readonly string[]): Promise<void>;
  /** Groups by name or ARN, in the order of `names`; a Failure names those that exist where one does not. */
  targetGroups(names: readonly string[]): Promise<readonly TargetGroup[]>;
  /** Every target that is registered in the group, with those that drain. */
  targets(group: string): Promise<readonly TargetHealth[]>;
  /** Idempotent. An instance that does not run is refused, code `cloud.target-refused`, and the others with it. */
  register(group: string, targets: readonly Target[]): Promise<void>;
  /** Idempotent. */
  deregister(group: string, targets: readonly Target[]): Promise<void>;
  tune(group: string, tuning: Tuning): Promise<void>;
  inboundRules(securityGroups: readonly string[]): Promise<readonly InboundRule[]>;
}

import type {
  CloudInstance,
  InboundRule,
  Target,
  TargetGroup,
  TargetHealth,
  Tuning,
} from '../domain/target-group.js';

/**
 * A cloud API. Each call throws a Failure: `access` for missing credentials or permissions, `unreachable` if there is no
 * response, `usage` for resources that do not exist. Retries throttled calls. A `group` is the ARN of a target group.
 */
export interface Cloud {
  /** Returns the instances with these IDs; skips missing ones. */
  instances(ids: readonly string[]): Promise<readonly CloudInstance[]>;
  /** Returns the instances with one of these `Name` tags that are not terminated. */
  instancesNamed(names: readonly string[]): Promise<readonly CloudInstance[]>;
  /** Sets tags and keeps others. Keys must start with `oneclick`, because the IAM policy allows no others. */
  tag(instances: readonly string[], tags: Readonly<Record<string, string>>): Promise<void>;
  untag(instances: readonly string[], keys: readonly string[]): Promise<void>;
  /** Returns groups by name or ARN, in the order of `names`. Throws a Failure that lists existing groups if one is missing. */
  targetGroups(names: readonly string[]): Promise<readonly TargetGroup[]>;
  /** Returns all registered targets of the group, including draining ones. */
  targets(group: string): Promise<readonly TargetHealth[]>;
  /** Idempotent. Throws `cloud.target-refused` and registers none if an instance is not running. */
  register(group: string, targets: readonly Target[]): Promise<void>;
  /** Idempotent. */
  deregister(group: string, targets: readonly Target[]): Promise<void>;
  tune(group: string, tuning: Tuning): Promise<void>;
  inboundRules(securityGroups: readonly string[]): Promise<readonly InboundRule[]>;
}

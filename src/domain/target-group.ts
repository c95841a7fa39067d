import { z } from 'zod';

/** An instance as the cloud reports it. */
export interface CloudInstance {
  /** `i-0123456789abcdef0` */
  readonly id: string;
  readonly state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  /** The reason for this state, in the cloud's words, if given. */
  readonly reason?: string;
  readonly privateAddress?: string;
  readonly publicAddress?: string;
  readonly zone?: string;
  readonly securityGroups: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

/** The health check and draining settings of a target group. Durations in ms. */
export interface TargetGroupSettings {
  readonly healthCheck: {
    readonly interval: number;
    readonly timeout: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
    readonly path?: string;
    /** Healthy status codes: `200`, `200-299`. */
    readonly matcher?: string;
    /** `traffic-port`, or a port. */
    readonly port: string;
  };
  readonly deregistrationDelay: number;
  readonly slowStart: number;
  readonly stickiness: boolean;
}

/** A condition on a request. It holds if one of the values matches; `*` and `?` are wildcards. */
export type RuleCondition =
  | { readonly kind: 'host' | 'path' | 'method'; readonly values: readonly string[] }
  | { readonly kind: 'header'; readonly name: string; readonly values: readonly string[] }
  | {
      readonly kind: 'query';
      readonly pairs: readonly { readonly key?: string; readonly value: string }[];
    }
  /** One that a request cannot be made for: `the sender’s address`. */
  | { readonly kind: 'other'; readonly text: string };

/** A rule of a listener, as seen from one target group. */
export interface ListenerRule {
  /** All must hold. */
  readonly conditions: readonly RuleCondition[];
  /** `split`: shared with other groups; `login`: only after a login; `other`: not to the group. */
  readonly action: 'forward' | 'split' | 'login' | 'other';
}

/** A listener that forwards to a target group, by default or by a rule. */
export interface Listener {
  readonly protocol: string;
  readonly port: number;
  /** In the order of evaluation, the default last. Absent if every request is forwarded to the group. */
  readonly rules?: readonly ListenerRule[];
}

/** A load balancer that forwards to a target group. */
export interface LoadBalancer {
  readonly arn: string;
  readonly name: string;
  readonly kind: 'application' | 'network' | 'gateway';
  readonly scheme: 'internet-facing' | 'internal';
  readonly state: 'provisioning' | 'active' | 'active_impaired' | 'failed';
  readonly reason?: string;
  readonly address: string;
  readonly zones: readonly string[];
  readonly securityGroups: readonly string[];
  /** How long a connection may stay idle, ms; unknown for network load balancers. */
  readonly idleTimeout?: number;
  /** Listeners that forward to the group, by default or by a rule. */
  readonly listeners: readonly Listener[];
}

/** A target group as the cloud reports it. */
export interface TargetGroup {
  readonly arn: string;
  readonly name: string;
  readonly vpc?: string;
  readonly protocol: string;
  readonly settings: TargetGroupSettings;
  /** Without any, targets are `unused`. */
  readonly balancers: readonly LoadBalancer[];
}

/** An instance and port in a target group. An instance can be registered on several ports. */
export const Target = z.strictObject({ id: z.string(), port: z.int().min(1).max(65_535) });
export type Target = Readonly<z.infer<typeof Target>>;

/** A target with its health. */
export interface TargetHealth extends Target {
  readonly state: 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused' | 'unavailable';
  /** The reason for this state, in plain English, if given. */
  readonly reason?: string;
}

/** Settings of a group that can be changed. Durations in ms. */
export interface Tuning {
  readonly interval?: number;
  readonly timeout?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
  readonly deregistrationDelay?: number;
}

/** An inbound rule of a security group: ports, and the addresses or group allowed to reach them. */
export interface InboundRule {
  readonly group: string;
  /** `tcp`, `udp`, or `-1` for all. */
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
  /** A CIDR range or a group ID. */
  readonly source: string;
}

import { z } from 'zod';

/** An instance, as the cloud knows it. */
export interface CloudInstance {
  /** `i-0123456789abcdef0` */
  readonly id: string;
  readonly state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  /** Why it is in this state, in the cloud's words, where it says. */
  readonly reason?: string;
  readonly privateAddress?: string;
  readonly publicAddress?: string;
  readonly zone?: string;
  readonly securityGroups: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

/** How a target group checks and drains. Durations in ms. */
export interface TargetGroupSettings {
  readonly healthCheck: {
    readonly interval: number;
    readonly timeout: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
    readonly path?: string;
    /** Codes that count as healthy: `200`, `200-299`. */
    readonly matcher?: string;
    /** `traffic-port`, or a port. */
    readonly port: string;
  };
  readonly deregistrationDelay: number;
  readonly slowStart: number;
  readonly stickiness: boolean;
}

/** A load balancer that feeds a target group. */
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
  /** How long a connection may say nothing, ms; network load balancers do not tell. */
  readonly idleTimeout?: number;
  /** The listeners that forward to the group, as they stand or by a rule. */
  readonly listeners: readonly { readonly protocol: string; readonly port: number }[];
}

/** A target group as it stands. */
export interface TargetGroup {
  readonly arn: string;
  readonly name: string;
  readonly vpc?: string;
  readonly protocol: string;
  readonly settings: TargetGroupSettings;
  /** None: its targets are `unused`. */
  readonly balancers: readonly LoadBalancer[];
}

/** An instance in a target group, on one port: an instance may be there several times. */
export const Target = z.strictObject({ id: z.string(), port: z.int().min(1).max(65_535) });
export type Target = Readonly<z.infer<typeof Target>>;

/** What the load balancer makes of a target. */
export interface TargetHealth extends Target {
  readonly state: 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused' | 'unavailable';
  /** Why it is in this state, in a person's words, where the cloud says. */
  readonly reason?: string;
}

/** What may be changed of a group's settings. Durations in ms. */
export interface Tuning {
  readonly interval?: number;
  readonly timeout?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
  readonly deregistrationDelay?: number;
}

/** Traffic that a security group lets in: ports from a range of addresses or from the members of another group. */
export interface InboundRule {
  readonly group: string;
  /** `tcp`, `udp`, or `-1` for everything. */
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
  /** An address range (CIDR) or the ID of a group. */
  readonly source: string;
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { account, type Region, region as regionName } from '../action.js';
import type { Kind } from '../store.js';

const Named = z.record(z.string(), z.string());

/** The action of a listener or rule. */
const Answer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('forward'), targetGroup: z.string() }),
  z.object({
    type: z.literal('fixed-response'),
    status: z.number(),
    contentType: z.string(),
    body: z.string(),
  }),
]);
export type Answer = z.infer<typeof Answer>;

/** Matches if one value does; `*` and `?` are wildcards. */
const Condition = z.object({ field: z.enum(['path-pattern', 'host-header']), values: z.array(z.string()) });
export type Condition = z.infer<typeof Condition>;

/** A group's health check; times in seconds, without a port uses the target's. */
const HealthCheck = z.object({
  path: z.string(),
  port: z.number().optional(),
  interval: z.number(),
  timeout: z.number(),
  healthy: z.number(),
  unhealthy: z.number(),
  /** Healthy status codes: `200`, `200-299`, `200,301`. */
  matcher: z.string(),
});
export type HealthCheck = z.infer<typeof HealthCheck>;

/** One port of one instance; times in ms since 1970. */
const Target = z.object({
  id: z.string(),
  port: z.number(),
  address: z.string(),
  /** Start of health checks. */
  registeredAt: z.number(),
  /** End of draining, for a deregistered target. */
  goneAt: z.number().optional(),
  /** Until then a deregistered target gets new requests. */
  leaksUntil: z.number().optional(),
});
export type Target = z.infer<typeof Target>;

const LoadBalancer = z.object({
  arn: z.string(),
  name: z.string(),
  /** The proxy's address on the sandbox's network. */
  address: z.string(),
  /** The network interface, which reserves the address and the security groups. */
  interface: z.string(),
  scheme: z.enum(['internet-facing', 'internal']),
  subnets: z.array(z.string()),
  securityGroups: z.array(z.string()),
  createdAt: z.number(),
  attributes: Named,
  tags: Named,
});
export type LoadBalancer = z.infer<typeof LoadBalancer>;
export const loadBalancers: Kind<LoadBalancer> = { name: 'load-balancer', schema: LoadBalancer };

const Listener = z.object({
  arn: z.string(),
  loadBalancer: z.string(),
  port: z.number(),
  answer: Answer,
  tags: Named,
});
export type Listener = z.infer<typeof Listener>;
export const listeners: Kind<Listener> = { name: 'listener', schema: Listener };

/** A custom rule; the default rule is the listener's answer. */
const Rule = z.object({
  arn: z.string(),
  listener: z.string(),
  priority: z.number(),
  conditions: z.array(Condition),
  answer: Answer,
  tags: Named,
});
export type Rule = z.infer<typeof Rule>;
export const rules: Kind<Rule> = { name: 'listener-rule', schema: Rule };

const TargetGroup = z.object({
  arn: z.string(),
  name: z.string(),
  port: z.number(),
  vpc: z.string(),
  check: HealthCheck,
  attributes: Named,
  targets: z.array(Target),
  tags: Named,
});
export type TargetGroup = z.infer<typeof TargetGroup>;
export const targetGroups: Kind<TargetGroup> = { name: 'target-group', schema: TargetGroup };

/** Returns a new ARN; `path` is `targetgroup/web`, or the parent's ARN with the new resource's type. */
export function newArn<T>(region: Region, kind: Kind<T>, path: string): string {
  const { context, store } = region;
  const start = path.startsWith('arn:')
    ? path
    : `arn:aws:elasticloadbalancing:${regionName}:${account}:${path}`;
  for (let attempt = 0; ; attempt++) {
    const seed = `${path}/${context.clock.now().getTime()}/${region.random()}/${attempt}`;
    const arn = `${start}/${createHash('sha256').update(seed).digest('hex').slice(0, 16)}`;
    if (store.get(kind, arn) === undefined) return arn;
  }
}

/** Returns the ARN of a listener's default rule, which has no document. */
export function defaultRuleArn(listener: Listener): string {
  const digest = createHash('sha256').update(listener.arn).digest('hex');
  return `${listener.arn.replace(':listener/', ':listener-rule/')}/${digest.slice(0, 16)}`;
}

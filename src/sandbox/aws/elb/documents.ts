import { createHash } from 'node:crypto';
import { z } from 'zod';
import { account, type Region, region as regionName } from '../action.js';
import type { Kind } from '../store.js';

const Named = z.record(z.string(), z.string());

/** What a listener or a rule does with a request. */
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

/** Any of the values has to fit; `*` and `?` stand for what they stand for in a shell. */
const Condition = z.object({ field: z.enum(['path-pattern', 'host-header']), values: z.array(z.string()) });
export type Condition = z.infer<typeof Condition>;

/** How a group looks after its targets; times in seconds, the port `undefined` when it is the target's own. */
const HealthCheck = z.object({
  path: z.string(),
  port: z.number().optional(),
  interval: z.number(),
  timeout: z.number(),
  healthy: z.number(),
  unhealthy: z.number(),
  /** The codes that are fine: `200`, `200-299`, `200,301`. */
  matcher: z.string(),
});
export type HealthCheck = z.infer<typeof HealthCheck>;

/** One port of one instance; the times are milliseconds since 1970. */
const Target = z.object({
  id: z.string(),
  port: z.number(),
  address: z.string(),
  /** Since when it is to be checked: for `initial`. */
  registeredAt: z.number(),
  /** Of a target that was deregistered: when it is gone. */
  goneAt: z.number().optional(),
  /** Of the same one: until when it still gets new requests. */
  leaksUntil: z.number().optional(),
});
export type Target = z.infer<typeof Target>;

const LoadBalancer = z.object({
  arn: z.string(),
  name: z.string(),
  /** Of its proxy, on the sandbox's network. */
  address: z.string(),
  /** The network interface that has it: so the address is taken, and the security groups are in use. */
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

/** The default rule of a listener is none of these: it is the listener's own answer. */
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

/**
 * An ARN as ELBv2 forms them, which no document of this kind has: `below` is `targetgroup/web`, or the ARN of what it
 * belongs to with its own kind in place of that one's.
 */
export function newArn<T>(region: Region, kind: Kind<T>, below: string): string {
  const { context, store } = region;
  const start = below.startsWith('arn:')
    ? below
    : `arn:aws:elasticloadbalancing:${regionName}:${account}:${below}`;
  for (let attempt = 0; ; attempt++) {
    const seed = `${below}/${context.clock.now().getTime()}/${region.random()}/${attempt}`;
    const arn = `${start}/${createHash('sha256').update(seed).digest('hex').slice(0, 16)}`;
    if (store.get(kind, arn) === undefined) return arn;
  }
}

/** The ARN of a listener's default rule, which has no document of its own. */
export function defaultRuleArn(listener: Listener): string {
  const digest = createHash('sha256').update(listener.arn).digest('hex');
  return `${listener.arn.replace(':listener/', ':listener-rule/')}/${digest.slice(0, 16)}`;
}

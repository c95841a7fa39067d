import { createHash } from 'node:crypto';
import type { Store } from '../store.js';
import {
  type Answer,
  type Condition,
  type HealthCheck,
  type LoadBalancer,
  listeners,
  rules,
  type Target,
  type TargetGroup,
  targetGroups,
} from './documents.js';

/** The whole configuration of a proxy, from the documents of its load balancer. */
export interface Balancer {
  readonly name: string;
  /** See {@link balancerId}. */
  readonly id: string;
  readonly arn: string;
  readonly address: string;
  /** Idle timeout, s. */
  readonly idle: number;
  readonly frontends: readonly Frontend[];
  readonly pools: readonly Pool[];
}

/** A port: the first matching rule answers a request, else `defaultAnswer`. */
export interface Frontend {
  readonly port: number;
  readonly rules: readonly { readonly conditions: readonly Condition[]; readonly answer: Answer }[];
  readonly defaultAnswer: Answer;
}

/** A target group. */
export interface Pool {
  readonly arn: string;
  readonly name: string;
  readonly check: HealthCheck;
  readonly leastOutstanding: boolean;
  /** Slow start of new servers, s; 0 for none. */
  readonly slowStart: number;
  readonly servers: readonly Server[];
}

/** A target at its proxy. */
export interface Server {
  /** `10.213.0.11:20000`; also the host header of health checks. */
  readonly name: string;
  /** Gets no new requests. */
  readonly draining: boolean;
}

/** Returns the name of a target at its proxy. */
export function serverName({ address, port }: Target): string {
  return `${address}:${port}`;
}

/** Returns the groups that a load balancer's listeners and rules forward to. */
export function targetGroupsOf(store: Store, loadBalancer: string): readonly TargetGroup[] {
  const used = new Set(
    frontendsOf(store, loadBalancer)
      .flatMap((frontend) => [frontend.defaultAnswer, ...frontend.rules.map(({ answer }) => answer)])
      .flatMap((answer) => (answer.type === 'forward' ? [answer.targetGroup] : [])),
  );
  return store.all(targetGroups).filter(({ arn }) => used.has(arn));
}

/** Returns the targets of a group that are not drained at `now`. */
export function targetsOf(group: TargetGroup, now: Date): readonly Target[] {
  return group.targets.filter(({ goneAt }) => goneAt === undefined || goneAt > now.getTime());
}

/** Returns a short ID, which differs from that of a predecessor with the same name. */
export function balancerId(arn: string): string {
  return createHash('sha256').update(arn).digest('hex').slice(0, 8);
}

/** Returns the configuration of a load balancer's proxy at `now`. */
export function balancerOf(store: Store, loadBalancer: LoadBalancer, now: Date): Balancer {
  return {
    arn: loadBalancer.arn,
    name: loadBalancer.name,
    id: balancerId(loadBalancer.arn),
    address: loadBalancer.address,
    idle: Number(loadBalancer.attributes['idle_timeout.timeout_seconds']),
    frontends: frontendsOf(store, loadBalancer.arn),
    pools: targetGroupsOf(store, loadBalancer.arn).map((group) => ({
      arn: group.arn,
      name: group.name,
      check: group.check,
      leastOutstanding: group.attributes['load_balancing.algorithm.type'] === 'least_outstanding_requests',
      slowStart: Number(group.attributes['slow_start.duration_seconds']),
      servers: targetsOf(group, now).map((target) => ({
        name: serverName(target),
        draining: target.goneAt !== undefined && target.leaksUntil === undefined,
      })),
    })),
  };
}

function frontendsOf(store: Store, loadBalancer: string): readonly Frontend[] {
  const all = store.all(rules);
  return store
    .all(listeners)
    .filter((listener) => listener.loadBalancer === loadBalancer)
    .map(({ arn, port, answer }) => ({
      port,
      defaultAnswer: answer,
      rules: all.filter((rule) => rule.listener === arn).sort((a, b) => a.priority - b.priority),
    }));
}

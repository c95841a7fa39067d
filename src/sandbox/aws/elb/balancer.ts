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

/** What a proxy has to do, all of it: the documents of a load balancer as one thing. */
export interface Balancer {
  readonly name: string;
  /** As {@link balancerId} says it. */
  readonly id: string;
  readonly arn: string;
  readonly address: string;
  /** Seconds after which a silent connection is closed. */
  readonly idle: number;
  readonly fronts: readonly Front[];
  readonly pools: readonly Pool[];
}

/** A port, and what becomes of its requests: the first rule that fits, else `otherwise`. */
export interface Front {
  readonly port: number;
  readonly rules: readonly { readonly conditions: readonly Condition[]; readonly answer: Answer }[];
  readonly otherwise: Answer;
}

/** A target group. */
export interface Pool {
  readonly arn: string;
  readonly name: string;
  readonly check: HealthCheck;
  readonly leastOutstanding: boolean;
  /** Seconds over which a new server's share grows; 0 for none. */
  readonly slowStart: number;
  readonly servers: readonly Server[];
}

export interface Server {
  /** `10.213.0.11:20000`: also what a health check calls its host. */
  readonly name: string;
  /** No new request goes to it. */
  readonly draining: boolean;
}

/** The name of a target at its proxy. */
export function serverName({ address, port }: Target): string {
  return `${address}:${port}`;
}

/** The groups that listeners and rules of a load balancer forward to. */
export function groupsOf(store: Store, loadBalancer: string): readonly TargetGroup[] {
  const used = new Set(
    frontsOf(store, loadBalancer)
      .flatMap((front) => [front.otherwise, ...front.rules.map(({ answer }) => answer)])
      .flatMap((answer) => (answer.type === 'forward' ? [answer.targetGroup] : [])),
  );
  return store.all(targetGroups).filter(({ arn }) => used.has(arn));
}

/** The targets that a group has at this moment; drained ones are no more. */
export function targetsOf(group: TargetGroup, now: Date): readonly Target[] {
  return group.targets.filter(({ goneAt }) => goneAt === undefined || goneAt > now.getTime());
}

/** What tells the container of a load balancer from that of its predecessor of the same name. */
export function balancerId(arn: string): string {
  return createHash('sha256').update(arn).digest('hex').slice(0, 8);
}

/** What the proxy of a load balancer has to do at this moment. */
export function balancerOf(store: Store, of: LoadBalancer, now: Date): Balancer {
  return {
    arn: of.arn,
    name: of.name,
    id: balancerId(of.arn),
    address: of.address,
    idle: Number(of.attributes['idle_timeout.timeout_seconds']),
    fronts: frontsOf(store, of.arn),
    pools: groupsOf(store, of.arn).map((group) => ({
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

function frontsOf(store: Store, loadBalancer: string): readonly Front[] {
  const all = store.all(rules);
  return store
    .all(listeners)
    .filter((listener) => listener.loadBalancer === loadBalancer)
    .map(({ arn, port, answer }) => ({
      port,
      otherwise: answer,
      rules: all.filter((rule) => rule.listener === arn).sort((a, b) => a.priority - b.priority),
    }));
}

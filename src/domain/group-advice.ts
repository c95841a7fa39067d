import { lateRequests, timeToHealthy } from './balancing.js';
import type { GroupFacts } from './facts.js';
import type { Instance, Service } from './service.js';
import type { InboundRule, TargetGroup, TargetGroupSettings, Tuning } from './target-group.js';
import type { ExpectedWait } from './task.js';

/** The slowest settings for a fast deploy. Times in ms. */
const fast = {
  interval: 5000,
  timeout: 4000,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
  deregistrationDelay: 30_000,
};

/** Returns the settings to change for a faster deploy. Settings that are fast enough are left out. */
export function recommended({ healthCheck, deregistrationDelay }: TargetGroupSettings): Tuning {
  const now = { ...healthCheck, deregistrationDelay };
  const slower = Object.entries(fast).filter(([key, value]) => now[key as keyof typeof fast] > value);
  const tuning: Tuning = Object.fromEntries(slower);
  // The timeout must be shorter than the interval.
  const interval = tuning.interval ?? healthCheck.interval;
  const fits = (tuning.timeout ?? healthCheck.timeout) < interval;
  return fits ? tuning : { ...tuning, timeout: Math.max(2000, interval - 1000) };
}

/** The waits until the load balancer reports a new target healthy, plus one more check. */
export function healthWaits(group: TargetGroup, service: string): readonly ExpectedWait[] {
  const { settings } = group;
  const { interval, healthyThreshold } = settings.healthCheck;
  const better = recommended(settings);
  const checks = `the health checks of ${group.name}, ${healthyThreshold} every ${seconds(interval)}`;
  const fewer = `${better.healthyThreshold ?? healthyThreshold} every ${seconds(better.interval ?? interval)}`;
  const isSlow = better.interval !== undefined || better.healthyThreshold !== undefined;
  const slowStart = { ms: settings.slowStart, cause: `the slow start of ${group.name}` };
  return [
    { ms: timeToHealthy(settings) + interval, cause: checks, ...(isSlow ? advice(fewer, service) : {}) },
    ...(settings.slowStart === 0 ? [] : [slowStart]),
  ];
}

/** The waits until a target has drained. */
export function drainWaits({ name, settings }: TargetGroup, service: string): readonly ExpectedWait[] {
  const ms = settings.deregistrationDelay;
  const { deregistrationDelay: better } = recommended(settings);
  const shorter = better === undefined ? {} : advice(seconds(better), service);
  return ms === 0 ? [] : [{ ms, cause: `the deregistration delay of ${name}, ${seconds(ms)}`, ...shorter }];
}

/** The waits until the container of a drained target can be stopped. */
export function settleWaits(group: TargetGroup, service: string): readonly ExpectedWait[] {
  return [...drainWaits(group, service), { ms: lateRequests, cause: 'late requests' }];
}

const seconds = (ms: number) => `${ms / 1000} s`;
const advice = (words: string, service: string) => ({
  better: `reduce to ${words}: oneclick lb tune ${service}`,
});

/** Returns reasons why the load balancer may not reach an instance, known before it is registered. */
export function cautionsOf(
  { group, instances, rules }: GroupFacts,
  { name, port }: Pick<Service, 'name' | 'port'>,
  { id, host }: Instance,
): readonly string[] {
  const instance = instances[id];
  if (instance === undefined) return [];
  const cautions: string[] = [];
  const zones = group.balancers.flatMap((balancer) => balancer.zones);
  if (instance.zone !== undefined && zones.length > 0 && !zones.includes(instance.zone))
    cautions.push(
      `${host} is in ${instance.zone}, but the load balancer of ${name} only covers ${zones.join(', ')}`,
    );
  const ports = port?.range ?? (port === undefined ? undefined : { from: port.host, to: port.host });
  const groups = instance.securityGroups;
  const own = rules.filter((rule) => groups.includes(rule.group));
  if (ports !== undefined && groups.length > 0 && !allowsTraffic(group, own, ports)) {
    const range = ports.from === ports.to ? `port ${ports.from}` : `ports ${ports.from}-${ports.to}`;
    cautions.push(`${host}: ${groups.join(', ')} does not allow the load balancer of ${name} on ${range}`);
  }
  return cautions;
}

/** Whether security group rules allow the load balancers of a group to reach these ports. */
export function allowsTraffic(
  { balancers }: Pick<TargetGroup, 'balancers'>,
  rules: readonly InboundRule[],
  ports: { readonly from: number; readonly to: number },
): boolean {
  // Unknown senders and address ranges count as allowed.
  const senders = balancers.flatMap(({ securityGroups }) => securityGroups);
  if (senders.length === 0) return true;
  return rules.some(
    ({ protocol, from, to, source }) =>
      (protocol === '-1' || (protocol === 'tcp' && from <= ports.from && to >= ports.to)) &&
      (senders.includes(source) || source.includes('/')),
  );
}

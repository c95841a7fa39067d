import { lateRequests, timeToHealthy } from './balancing.js';
import type { GroupFacts } from './facts.js';
import type { Instance, Service } from './service.js';
import type { InboundRule, TargetGroup, TargetGroupSettings, Tuning } from './target-group.js';
import type { ExpectedWait } from './task.js';

/** What lets a deploy be fast: nothing slower than this. Times in ms. */
const fast = {
  interval: 5000,
  timeout: 4000,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
  deregistrationDelay: 30_000,
};

/** What of the settings should be otherwise, so that a deploy need not wait long; what is faster already stays. */
export function recommended({ healthCheck, deregistrationDelay }: TargetGroupSettings): Tuning {
  const now = { ...healthCheck, deregistrationDelay };
  const slower = Object.entries(fast).filter(([key, value]) => now[key as keyof typeof fast] > value);
  const tuning: Tuning = Object.fromEntries(slower);
  // A check must have ended before the next begins.
  const interval = tuning.interval ?? healthCheck.interval;
  const fits = (tuning.timeout ?? healthCheck.timeout) < interval;
  return fits ? tuning : { ...tuning, timeout: Math.max(2000, interval - 1000) };
}

/** What a new target waits for until the load balancer has called it healthy, and once more. */
export function healthWaits(group: TargetGroup, service: string): readonly ExpectedWait[] {
  const { settings } = group;
  const { interval, healthyThreshold } = settings.healthCheck;
  const better = recommended(settings);
  const checks = `the health checks of ${group.name}: ${healthyThreshold} in a row, ${seconds(interval)} apart`;
  const fewer = `${better.healthyThreshold ?? healthyThreshold}, ${seconds(better.interval ?? interval)} apart`;
  const isSlow = better.interval !== undefined || better.healthyThreshold !== undefined;
  const slowStart = { ms: settings.slowStart, cause: `the slow start of ${group.name}` };
  return [
    { ms: timeToHealthy(settings) + interval, cause: checks, ...(isSlow ? advice(fewer, service) : {}) },
    ...(settings.slowStart === 0 ? [] : [slowStart]),
  ];
}

/** What a target that leaves waits for. */
export function drainWaits({ name, settings }: TargetGroup, service: string): readonly ExpectedWait[] {
  const ms = settings.deregistrationDelay;
  const { deregistrationDelay: better } = recommended(settings);
  const shorter = better === undefined ? {} : advice(seconds(better), service);
  return ms === 0 ? [] : [{ ms, cause: `the deregistration delay of ${name}, ${seconds(ms)}`, ...shorter }];
}

/** The same, and what it waits for before its container may be stopped. */
export function settleWaits(group: TargetGroup, service: string): readonly ExpectedWait[] {
  return [...drainWaits(group, service), { ms: lateRequests, cause: 'requests that come late' }];
}

const seconds = (ms: number) => `${ms / 1000} s`;
const advice = (words: string, service: string) => ({
  better: `${words} would do: oneclick lb tune ${service}`,
});

/** What keeps requests from an instance, though nothing is wrong with it, as far as it can be told before it is put in. */
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
      `${host}: it is in ${instance.zone}, and the load balancer of ${name} sends requests to ${zones.join(', ')} only`,
    );
  const ports = port?.range ?? (port === undefined ? undefined : { from: port.host, to: port.host });
  const groups = instance.securityGroups;
  const own = rules.filter((rule) => groups.includes(rule.group));
  if (ports !== undefined && groups.length > 0 && !allowsTraffic(group, own, ports)) {
    const range = ports.from === ports.to ? `port ${ports.from}` : `ports ${ports.from}-${ports.to}`;
    cautions.push(`${host}: ${groups.join(', ')} does not let the load balancer of ${name} in at ${range}`);
  }
  return cautions;
}

/** Whether the load balancers of a group reach these ports of an instance, as far as the rules of its security groups tell. */
export function allowsTraffic(
  { balancers }: Pick<TargetGroup, 'balancers'>,
  rules: readonly InboundRule[],
  ports: { readonly from: number; readonly to: number },
): boolean {
  // Those without groups, and rules for addresses, say nothing that could be compared here.
  const senders = balancers.flatMap(({ securityGroups }) => securityGroups);
  if (senders.length === 0) return true;
  return rules.some(
    ({ protocol, from, to, source }) =>
      (protocol === '-1' || (protocol === 'tcp' && from <= ports.from && to >= ports.to)) &&
      (senders.includes(source) || source.includes('/')),
  );
}

import type { Cloud } from '../cloud/cloud.js';
import type { GroupFacts } from '../domain/facts.js';
import type { Service } from '../domain/service.js';

/** Reads the target groups of the services and their instances; keyed by the name in the configuration. */
export async function readTargetGroups(
  cloud: Cloud,
  services: readonly Service[],
): Promise<Readonly<Record<string, GroupFacts>>> {
  const names = [...new Set(services.flatMap(({ targetGroup }) => targetGroup ?? []))];
  const ids = [...new Set(services.flatMap(({ instances }) => instances.map(({ id }) => id)))];
  const [groups, found] = await Promise.all([cloud.targetGroups(names), cloud.instances(ids)]);
  const instances = Object.fromEntries(found.map((instance) => [instance.id, instance]));
  const securityGroups = [...new Set(found.flatMap((instance) => instance.securityGroups))];
  const [rules, ...targets] = await Promise.all([
    securityGroups.length === 0 ? [] : cloud.inboundRules(securityGroups),
    ...groups.map(({ arn }) => cloud.targets(arn)),
  ]);
  return Object.fromEntries(
    groups.map((group, index) => [
      names[index] ?? group.name,
      { group, targets: targets[index] ?? [], instances, rules },
    ]),
  );
}

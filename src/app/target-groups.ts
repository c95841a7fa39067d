import type { Cloud } from '../cloud/cloud.js';
import type { GroupFacts } from '../domain/facts.js';
import type { Service } from '../domain/service.js';

/** What the cloud says of the target groups of these services, by the names that the services say, and of their instances. */
export async function readTargetGroups(
  cloud: Cloud,
  services: readonly Service[],
): Promise<Readonly<Record<string, GroupFacts>>> {
  const names = [...new Set(services.flatMap(({ targetGroup }) => targetGroup ?? []))];
  const ids = [...new Set(services.flatMap(({ instances }) => instances.map(({ id }) => id)))];
  const [groups, found] = await Promise.all([cloud.targetGroups(names), cloud.instances(ids)]);
  const instances = Object.fromEntries(found.map((instance) => [instance.id, instance]));
  const shields = [...new Set(found.flatMap(({ securityGroups }) => securityGroups))];
  const [rules, ...targets] = await Promise.all([
    shields.length === 0 ? [] : cloud.inboundRules(shields),
    ...groups.map(({ arn }) => cloud.targets(arn)),
  ]);
  return Object.fromEntries(
    groups.map((group, index) => [
      names[index] ?? group.name,
      { group, targets: targets[index] ?? [], instances, rules },
    ]),
  );
}

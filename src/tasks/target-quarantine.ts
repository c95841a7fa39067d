import type { Cloud } from '../cloud/cloud.js';
import { quarantineOf, targetName } from '../domain/balancing.js';
import type { Target } from '../domain/target-group.js';
import type { TaskContext } from '../domain/task.js';
import type { Ports } from './task.js';

/** A target group: its ARN and its name. */
interface Group {
  readonly group: string;
  readonly name: string;
}

/**
 * Registers the targets whose instances are not quarantined at this moment, and returns them. Warns of the others: somebody
 * has run `lb deactivate` since the plan was made.
 */
export async function registerUnlessQuarantined(
  { ports, warn }: TaskContext<Ports>,
  group: Group,
  targets: readonly Target[],
): Promise<readonly Target[]> {
  const cloud = ports.cloud();
  const allowed = await withoutQuarantined(cloud, group, targets);
  if (allowed.length > 0) await cloud.register(group.group, allowed);
  // The tag may have been set between the check and the call.
  const kept = await withoutQuarantined(cloud, group, allowed);
  const late = allowed.filter((target) => !kept.includes(target));
  if (late.length > 0) await cloud.deregister(group.group, late);
  for (const target of targets) if (!kept.includes(target)) warn(staysOut(group, target));
  return kept;
}

/** The warning that a target is not registered. */
export function staysOut({ name }: Group, target: Target): string {
  return `${targetName(target)} stays out of ${name}: its instance was deactivated during the run`;
}

/** Whether the instance is quarantined at this moment. */
export async function isQuarantined(cloud: Cloud, group: Group, target: Target): Promise<boolean> {
  return (await withoutQuarantined(cloud, group, [target])).length === 0;
}

async function withoutQuarantined(
  cloud: Cloud,
  { name }: Group,
  targets: readonly Target[],
): Promise<readonly Target[]> {
  if (targets.length === 0) return [];
  const instances = await cloud.instances([...new Set(targets.map(({ id }) => id))]);
  return targets.filter(
    ({ id }) =>
      quarantineOf(
        { name },
        instances.find((one) => one.id === id),
      ) === undefined,
  );
}

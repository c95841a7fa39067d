import { z } from 'zod';
import { drainTimeout, isRegistered, isTarget } from './balancing.js';
import type { Facts } from './facts.js';
import { Failure } from './failure.js';
import type { PlacedContainer } from './singleton.js';
import { Target, type TargetHealth } from './target-group.js';

/** A target that a container serves. Times in ms. */
export const ServedTarget = z.strictObject({
  /** The ARN of the target group. */
  group: z.string(),
  /** The name of the target group. */
  name: z.string(),
  target: Target,
  patience: z.number(),
  /** Between two health checks. */
  interval: z.number(),
  /** False if it is already draining. */
  registered: z.boolean(),
});
export type ServedTarget = z.infer<typeof ServedTarget>;

/** Returns the targets, registered or draining, that these containers serve in the target groups of the facts. */
export function servedTargets(facts: Facts, placed: readonly PlacedContainer[]): readonly ServedTarget[] {
  const served = placed.flatMap(({ host, container }) => {
    const id = facts.configured?.instances[host] ?? host;
    return container.ports.map((port) => ({ id, port }));
  });
  return Object.values(facts.groups ?? {}).flatMap(({ group, targets }) =>
    targets
      .filter((target) => served.some((one) => isTarget(one, target)))
      .map((health) => ({
        ...{ group: group.arn, name: group.name, registered: isRegistered(health) },
        target: { id: health.id, port: health.port },
        ...{ patience: drainTimeout(group.settings), interval: group.settings.healthCheck.interval },
      })),
  );
}

/** Returns a Failure if a group would lose its last healthy target. */
export function lastTarget(facts: Facts, leaving: readonly ServedTarget[]): Failure | undefined {
  const found = Object.values(facts.groups ?? {}).find(({ group, targets }) => {
    const own = leaving.filter(({ group: arn }) => arn === group.arn);
    const isLeaving = (target: TargetHealth) => own.some((one) => isTarget(one.target, target));
    const isHealthy = ({ state }: TargetHealth) => state === 'healthy';
    return (
      targets.some((target) => isLeaving(target) && isHealthy(target)) &&
      !targets.some((target) => !isLeaving(target) && isHealthy(target))
    );
  });
  if (found === undefined) return undefined;
  return new Failure('usage', 'target.last', `no healthy target would be left in ${found.group.name}`, {
    hint: 'deploy the services that are configured now first: oneclick deploy',
  });
}

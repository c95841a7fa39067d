import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';

/** Longer lists are hard to read. */
const maxNames = 20;

/** Returns the failure for missing target groups; suggests names from `existing` if given. */
export function unknownGroups(missing: readonly string[], existing?: readonly string[]): Failure {
  const groups = missing.length > 1 ? 'target groups' : 'target group';
  return new Failure('usage', 'cloud.no-group', `unknown ${groups} ${missing.join(', ')}`, {
    hint: existing === undefined ? 'check the region' : suggestion(missing, existing),
  });
}

function suggestion(missing: readonly string[], existing: readonly string[]): string {
  if (existing.length === 0) return 'check the region: it has no target groups';
  const near = missing.flatMap((name) => nearest(name, existing) ?? []);
  if (near.length > 0) return `did you mean ${near.join(', ')}?`;
  const more = existing.length > maxNames ? ` and ${existing.length - maxNames} more` : '';
  return `check the region; available: ${existing.slice(0, maxNames).join(', ')}${more}`;
}

/** Returns the failure for missing instances. */
export function unknownInstances(message: string, cause?: unknown): Failure {
  return new Failure('usage', 'cloud.no-instance', message, {
    hint: 'check the instance IDs and the region',
    ...given({ cause }),
  });
}

/** The failure code of {@link refusedTargets}. */
export const targetRefused = 'cloud.target-refused';

/** Returns the failure for targets that the load balancer refused; `message` may name them. */
export function refusedTargets(message: string, cause?: unknown): Failure {
  return new Failure('failed', targetRefused, message, {
    hint: "register only running instances in the target group's VPC",
    ...given({ cause }),
  });
}

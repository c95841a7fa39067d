import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';

/** More names than that are not read. */
const maxNames = 20;

/** The groups that were asked for and do not exist, and those that do, where they are known. */
export function unknownGroups(missing: readonly string[], existing?: readonly string[]): Failure {
  const are = missing.length > 1 ? 'are no target groups' : 'is no target group';
  return new Failure('usage', 'cloud.no-group', `there ${are} ${missing.join(', ')}`, {
    hint:
      existing === undefined
        ? 'Check the region.'
        : `${suggestion(missing, existing)} Check the region, too.`,
  });
}

function suggestion(missing: readonly string[], existing: readonly string[]): string {
  if (existing.length === 0) return 'There is none at all.';
  const near = missing.flatMap((name) => nearest(name, existing) ?? []);
  const meant = near.length === 0 ? '' : `Did you mean ${near.join(', ')}? `;
  const more = existing.length > maxNames ? ` and ${existing.length - maxNames} more` : '';
  return `${meant}There are: ${existing.slice(0, maxNames).join(', ')}${more}.`;
}

/** Instances that were to be changed and do not exist. */
export function unknownInstances(message: string, cause?: unknown): Failure {
  return new Failure('usage', 'cloud.no-instance', message, {
    hint: 'Check the IDs, and that they are of this region.',
    ...given({ cause }),
  });
}

/** The code of the failure of {@link refusedTargets}: what is told from others when a call is split. */
export const targetRefused = 'cloud.target-refused';

/** Targets that the load balancer does not take; `words` name them where it did. */
export function refusedTargets(message: string, cause?: unknown): Failure {
  return new Failure('failed', targetRefused, message, {
    hint: 'Only running instances in the network of the target group can be registered.',
    ...given({ cause }),
  });
}

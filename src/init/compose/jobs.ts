import { given } from '../../domain/given.js';
import type { SkippedKey } from '../draft.js';
import type { ComposeNode } from './compose-node.js';

/** A service that runs to completion, and a service with the same image that waits for it. */
export interface Job {
  readonly service: ComposeNode;
  readonly dependent?: string;
}

/**
 * Finds services that others wait for with `service_completed_successfully`. Each becomes the release command of a
 * dependent service with the same image, or is skipped.
 */
export function completedJobs(services: ComposeNode, skipped: SkippedKey[]): ReadonlyMap<string, Job> {
  const waiting = new Map<string, string[]>();
  for (const [name, service] of services.entries)
    for (const [needed, how] of service.get('depends_on')?.entries ?? [])
      if (how.get('condition')?.text === 'service_completed_successfully')
        waiting.set(needed, [...(waiting.get(needed) ?? []), name]);
  const jobs = new Map<string, Job>();
  for (const [name, waiters] of waiting) {
    const service = services.get(name);
    if (service === undefined) continue;
    const dependent = waiters.find((waiter) => sameImage(service, services.get(waiter)));
    jobs.set(name, { service, ...given({ dependent }) });
    skipped.push(
      service.skipped(
        dependent === undefined
          ? `${name} is skipped: no service with the same image waits for it`
          : `${name} is now the release_command of ${dependent}, with the settings of ${dependent}`,
      ),
    );
  }
  return jobs;
}

function sameImage(a: ComposeNode, b: ComposeNode | undefined): boolean {
  const source = (node: ComposeNode | undefined) =>
    JSON.stringify([node?.get('image')?.value ?? null, node?.get('build')?.value ?? null]);
  return source(a) === source(b);
}

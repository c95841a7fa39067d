import { given } from '../../domain/given.js';
import type { Left } from '../draft.js';
import type { Cursor } from './cursor.js';

/** A service that runs to its end, and the one service of the same image that waits for that. */
export interface Job {
  readonly service: Cursor;
  readonly before?: string;
}

/**
 * The services that others wait for until they have ended (`service_completed_successfully`). A service of oneclick never ends: such a
 * one becomes the release command of a service of the same image, or is left out.
 */
export function completedJobs(services: Cursor, left: Left[]): ReadonlyMap<string, Job> {
  const waiting = new Map<string, string[]>();
  for (const [name, service] of services.entries)
    for (const [needed, how] of service.get('depends_on')?.entries ?? [])
      if (how.get('condition')?.text === 'service_completed_successfully')
        waiting.set(needed, [...(waiting.get(needed) ?? []), name]);
  const jobs = new Map<string, Job>();
  for (const [name, waiters] of waiting) {
    const service = services.get(name);
    if (service === undefined) continue;
    const before = waiters.find((waiter) => sameImage(service, services.get(waiter)));
    jobs.set(name, { service, ...given({ before }) });
    left.push(
      service.left(
        before === undefined
          ? `${name} is left out: it runs to its end, and no service of its image waits for it`
          : `${name} is the release_command of ${before} now: it runs with what ${before} has`,
      ),
    );
  }
  return jobs;
}

function sameImage(a: Cursor, b: Cursor | undefined): boolean {
  const source = (cursor: Cursor | undefined) =>
    JSON.stringify([cursor?.get('image')?.value ?? null, cursor?.get('build')?.value ?? null]);
  return source(a) === source(b);
}

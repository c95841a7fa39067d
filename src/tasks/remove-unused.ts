import { Failure } from '../domain/failure.js';
import type { Engine } from '../host/host.js';

/** Images and volumes to remove. */
export interface Removable {
  readonly images: readonly string[];
  readonly volumes: readonly string[];
}

/**
 * Removes images and volumes, and returns those that stay because something else uses them: `image shop/web@sha256:…`. Throws the
 * other failures once all calls have ended.
 */
export async function removeUnused(
  engine: Engine,
  { images, volumes }: Removable,
): Promise<readonly string[]> {
  const attempts = [
    ...images.map((name) => keptIfUsed(`image ${name}`, engine.removeImage(name))),
    ...volumes.map((name) => keptIfUsed(`volume ${name}`, engine.removeVolume(name))),
  ];
  const results = await Promise.allSettled(attempts);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

async function keptIfUsed(name: string, removal: Promise<void>): Promise<readonly string[]> {
  try {
    await removal;
    return [];
  } catch (error) {
    if (error instanceof Failure && ['image.in-use', 'volume.in-use'].includes(error.code)) return [name];
    throw error;
  }
}

/** The warning for what {@link removeUnused} has left, by host; undefined if that is nothing. */
export function keptWarning(kept: Readonly<Record<string, readonly string[]>>): string | undefined {
  const found = Object.entries(kept).filter(([, names]) => names.length > 0);
  if (found.length === 0) return undefined;
  const list = found.map(([host, names]) => `${names.join(', ')} on ${host}`).join('; ');
  return `not removed, because something else uses it: ${list}`;
}

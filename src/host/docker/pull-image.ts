import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { PullProgress, RegistryAuth } from '../host.js';
import type { EngineCalls } from './engine-calls.js';
import { followPull } from './pull-progress.js';
import { StallWatch } from './stall.js';

/** ms */
const stallTimeout = 60_000;

/** An image to pull. */
export interface PullRequest {
  readonly image: string;
  readonly auth: RegistryAuth | undefined;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal | undefined;
}

/** Pulls an image; fails after a minute without progress. See `Engine.pull`. */
export async function pullImage(
  calls: EngineCalls,
  host: string,
  clock: Clock,
  { image, auth, onProgress, signal }: PullRequest,
): Promise<void> {
  const query = { fromImage: image, ...(isExact(image) ? {} : { tag: 'latest' }) };
  const request = { method: 'POST', path: '/images/create', query, auth, stream: true } as const;
  const stall = new StallWatch(clock, stallTimeout, 'contacting the registry', (last) =>
    stalled(host, image, last),
  );
  const callOptions = { deadline: Number.POSITIVE_INFINITY, signals: [signal, stall.signal], image };
  try {
    await calls.read(`pull ${image}`, request, callOptions, (stream) =>
      followPull(stream, onProgress, (line) => stall.reset(line)),
    );
  } finally {
    stall.end();
  }
}

/** Whether the reference has a tag or a digest. */
const isExact = (reference: string) => /@|:[^/]*$/.test(reference);

function stalled(host: string, image: string, last: string): Failure {
  const message = `cannot pull ${image}: no progress for ${stallTimeout / 1000} s after "${last}"`;
  const hint = 'check the registry, and the network between it and the host';
  return new Failure('failed', 'image.stalled', message, { host, hint });
}

import { Failure, type FailureDetails, type FailureKind } from '../domain/failure.js';
import { given } from '../domain/given.js';

/** What an engine's words mean: the first pattern that is found decides. */
const knownErrors: readonly (readonly [RegExp, FailureKind, string, string?])[] = [
  [/port is already allocated|address already in use/i, 'failed', 'engine.port-taken'],
  [
    /no space left on device|disk quota exceeded/i,
    'failed',
    'engine.disk-full',
    'Free space where the engine keeps its images: `docker system df` shows what takes it.',
  ],
  [
    /unauthorized|authentication required|denied|no basic auth credentials|incorrect username or password/i,
    'access',
    'image.access',
    'Log in to the registry on this machine (`docker login`), and check the name of the image.',
  ],
  [
    /manifest unknown|manifest for .* not found|repository .* not found|name unknown|not found: manifest/i,
    'failed',
    'image.not-found',
    'Check the name and the tag, and that the image was pushed.',
  ],
  [/network .* not found/i, 'failed', 'network.not-found'],
  [/no such image/i, 'failed', 'image.not-found'],
  [
    /no matching manifest for|does not match the (?:specified|detected) (?:host )?platform/i,
    'failed',
    'image.platform',
    'Build the image for the platform of this host.',
  ],
  [
    /filesystem layer verification failed|failed to register layer|unexpected EOF|invalid checksum|digest mismatch|failed commit on ref/i,
    'failed',
    'image.corrupt',
    'Push the image again.',
  ],
  [/container name .* is already in use/i, 'failed', 'container.name-taken'],
  [/no such container/i, 'failed', 'container.not-found'],
  [
    /server gave HTTP response to HTTPS client/i,
    'failed',
    'registry.plain',
    'The registry speaks HTTP: list it under `insecure-registries` in the engine’s daemon.json.',
  ],
  [
    /dial tcp|no such host|connection reset by peer|: EOF$|i\/o timeout|connection refused|TLS handshake timeout|Client\.Timeout|request canceled/i,
    'unreachable',
    'registry.unreachable',
    'The host itself must be able to reach the registry.',
  ],
];

/**
 * A Failure out of an engine's own words: refused requests, and errors inside the stream of a pull. Words that mean nothing known,
 * with an HTTP status of its own failure, may pass: an engine that goes down still answers, and nothing works any more.
 */
export function engineFailure(
  host: string,
  action: string,
  message: string,
  { status = 400, cause }: { readonly status?: number; readonly cause?: unknown } = {},
): Failure {
  const known = knownErrors.find(([pattern]) => pattern.test(message));
  const [, kind, code, hint] = known ?? [undefined, 'failed' as const, 'engine.refused', undefined];
  const details: FailureDetails = {
    host,
    ...given({ hint }),
    ...(known === undefined && status >= 500 ? { passing: true } : {}),
    ...given({ cause }),
  };
  return new Failure(kind, code, `${action}: ${message.trim()}`, details);
}

/** The failure of anything asked of a host whose connection is gone. */
export function lostFailure(host: string, cause?: unknown): Failure {
  return new Failure('unreachable', 'host.lost', `the connection to ${host} was lost`, {
    host,
    hint: 'Check the machine and the network, then run `oneclick resume`.',
    ...given({ cause }),
  });
}

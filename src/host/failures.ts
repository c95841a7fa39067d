import { Failure, type FailureDetails, type FailureKind } from '../domain/failure.js';
import { given } from '../domain/given.js';

/** Known engine errors; the first match decides. */
const knownErrors: readonly (readonly [RegExp, FailureKind, string, string?])[] = [
  // Before `denied`, which means the registry.
  [
    /exec(?:ve)?:? .*permission denied|OCI runtime.*permission denied/i,
    'failed',
    'container.not-executable',
    'make its entrypoint executable in the image: RUN chmod +x FILE, or COPY --chmod=755',
  ],
  [
    /executable file not found|OCI runtime.*exec: .*no such file or directory/i,
    'failed',
    'container.no-program',
    'check `command` in oneclick.yml, and ENTRYPOINT and CMD of the image',
  ],
  [/exec format error/i, 'failed', 'image.platform', "build the image for this host's platform"],
  [/port is already allocated|address already in use/i, 'failed', 'engine.port-taken'],
  [
    /no space left on device|disk quota exceeded/i,
    'failed',
    'engine.disk-full',
    'free disk space on the host; `docker system df` shows its usage',
  ],
  [
    /unauthorized|authentication required|denied|no basic auth credentials|incorrect username or password/i,
    'access',
    'image.access',
    'run `docker login` on this machine, and check the image name',
  ],
  [
    /manifest unknown|manifest for .* not found|repository .* not found|name unknown|not found: manifest/i,
    'failed',
    'image.not-found',
    'check the image name and tag, and that the image was pushed',
  ],
  [/network .* not found/i, 'failed', 'network.not-found'],
  [/no such image/i, 'failed', 'image.not-found'],
  [
    /no matching manifest for|does not match the (?:specified|detected) (?:host )?platform/i,
    'failed',
    'image.platform',
    "build the image for this host's platform",
  ],
  [
    /filesystem layer verification failed|failed to register layer|unexpected EOF|invalid checksum|digest mismatch|failed commit on ref/i,
    'failed',
    'image.corrupt',
    'push the image again',
  ],
  [/container name .* is already in use/i, 'failed', 'container.name-taken'],
  [/no such container/i, 'failed', 'container.not-found'],
  [
    /server gave HTTP response to HTTPS client/i,
    'failed',
    'registry.plain',
    "add the registry to `insecure-registries` in the engine's daemon.json",
  ],
  [
    /dial tcp|no such host|connection reset by peer|: EOF$|i\/o timeout|connection refused|TLS handshake timeout|Client\.Timeout|request canceled/i,
    'unreachable',
    'registry.unreachable',
    'check that the host can reach the registry',
  ],
];

/**
 * Converts an error message of the engine to a Failure: `cannot ACTION: MESSAGE`. An unknown error with status 5xx is
 * `passing`, because an engine that shuts down still responds.
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
    ...(known === undefined && status >= 500 ? { transient: true } : {}),
    ...given({ cause }),
  };
  return new Failure(kind, code, `cannot ${action}: ${message.trim()}`, details);
}

/** Returns the failure of a host whose SSH connection broke; names the cause. */
export function lostFailure(host: string, cause?: unknown): Failure {
  // Not `instanceof`: errors of Node's sockets may be of another realm.
  const hasMessage = typeof cause === 'object' && cause !== null && 'message' in cause;
  const reason = hasMessage ? `: ${String(cause.message)}` : '';
  return new Failure('unreachable', 'host.lost', `the SSH connection to ${host} broke${reason}`, {
    host,
    hint: 'check the host and the network, then run `oneclick status`',
    ...given({ cause }),
  });
}

/** Returns why the connection to a host broke; by default the error of the call that failed. */
export function lossOf(
  { name, lost }: { readonly name: string; readonly lost: AbortSignal },
  error: unknown,
): Failure {
  return lost.reason instanceof Failure ? lost.reason : lostFailure(name, error);
}

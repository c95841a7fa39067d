import type { FailureKind } from './failure.js';
import { namesRegistry } from './image.js';

/** A known error of a registry or of a login at one. */
export interface RegistryError {
  readonly kind: FailureKind;
  readonly code: string;
  readonly hint: string;
}

type Known = readonly [RegExp, FailureKind, string, (registry: string, match: RegExpExecArray) => string];

/** The first match decides. Docker 28 and later put `error from registry: ` before the registry's own words. */
const known: readonly Known[] = [
  [
    /exec: "(docker-credential-[\w.-]+)": executable file not found/i,
    'access',
    'registry.helper',
    (_, [, helper = '']) => `install ${helper}, or remove it from Docker's config.json`,
  ],
  [
    /too ?many ?requests|rate limit|\b(?:HTTP|status)(?: code)?:? 429\b/i,
    'access',
    'image.rate-limit',
    (registry) => `wait, or log in for a higher limit: ${loginCommand(registry)}`,
  ],
  [
    /(?:token|credentials?|login|password) (?:has |have |is |are )?expired|reauthenticate/i,
    'access',
    'image.access',
    (registry) => `the login has expired; log in again: ${loginCommand(registry)}`,
  ],
  [
    /unauthorized|authentication required|authorization failed|insufficient_scope|(?<!permission )denied|no basic auth credentials|incorrect username or password|\b403 Forbidden|HTTP 403/i,
    'access',
    'image.access',
    (registry) =>
      `check the image name, and log in on this machine or on the host: ${loginCommand(registry)}`,
  ],
  [
    /manifest unknown|manifest for .* not found|repository .* not found|name unknown|not found: manifest|failed to resolve reference .*: not found/i,
    'failed',
    'image.not-found',
    () => 'check the image name and tag, and that the image was pushed',
  ],
  [
    /no matching manifest for|does not match the (?:specified|detected) (?:host )?platform/i,
    'failed',
    'image.platform',
    () => "build the image for this host's platform",
  ],
  [
    /filesystem layer verification failed|failed to register layer|unexpected EOF|invalid checksum|digest mismatch|failed commit on ref/i,
    'failed',
    'image.corrupt',
    () => 'push the image again',
  ],
  [
    /server gave HTTP response to HTTPS client/i,
    'failed',
    'registry.plain',
    () => "add the registry to `insecure-registries` in the engine's daemon.json",
  ],
  [
    /dial tcp|no such host|connection reset by peer|: EOF$|i\/o timeout|connection refused|TLS handshake timeout|Client\.Timeout|request canceled|\b50[234] (?:Bad Gateway|Service Unavailable|Gateway Time-?out)/i,
    'unreachable',
    'registry.unreachable',
    () => 'check that the host can reach the registry',
  ],
];

/** Recognizes the message of a registry, an engine or the Docker CLI about an image. */
export function registryError(message: string, image: string): RegistryError | undefined {
  // Names of images may contain any of the words.
  const words = message.replaceAll(image, 'IMAGE').replace(/https?:\/\/[^\s"]+/g, 'URL');
  const registry = namesRegistry(image) ? (image.split('/')[0] ?? '') : 'docker.io';
  for (const [pattern, kind, code, hint] of known) {
    const match = pattern.exec(words);
    if (match !== null) return { kind, code, hint: hint(registry, match) };
  }
  return undefined;
}

/** Matches the registries of AWS ECR; the first group is the region. */
export const ecrRegistry = /^\d{12}\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/** Returns the command that logs in at a registry. */
export function loginCommand(registry: string): string {
  const [, region] = ecrRegistry.exec(registry) ?? [];
  if (region !== undefined)
    return `aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${registry}`;
  return registry === 'docker.io' ? 'docker login' : `docker login ${registry}`;
}

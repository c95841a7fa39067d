import { z } from 'zod';
import { Failure } from './failure.js';
import { Health, Port } from './service.js';
import { keepUnknown, unknownKeys } from './unknown-keys.js';

/**
 * The format of releases that this version writes and can create containers from. A newer version keeps all known keys with their
 * types, so that this one can read its lines. It adds new keys, and sets `needs` if their loss would change a container.
 */
export const releaseFormat = 2;

/** Keys of `health` that format 1 does not have, and the first version that has them. */
const secondFormat = {
  version: '0.2.0',
  health: ['host', 'headers', 'scheme', 'status', 'port', 'command'],
} as const;

const KnownSpec = z.strictObject({
  /** The image by digest: `repository@sha256:…`. */
  image: z.string(),
  port: Port.optional(),
  health: Health,
  env: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  volumes: z.array(z.string()),
  command: z.array(z.string()).optional(),
  memory: z.number().optional(),
  cpus: z.number().optional(),
  user: z.string().optional(),
  restart: z.enum(['no', 'on-failure', 'unless-stopped']),
  stop: z.strictObject({ signal: z.string().optional(), timeout: z.number() }),
  docker: z.record(z.string(), z.unknown()),
});
export type ContainerSpec = z.infer<typeof KnownSpec>;

/**
 * The configuration of a release's containers, without secret values. Enough to create them again on a host that lost them. Keeps
 * unknown keys, which are part of its hash.
 */
export const ContainerSpec: z.ZodType<ContainerSpec> = keepUnknown(KnownSpec);

const KnownRelease = z.strictObject({
  number: z.int().min(0),
  /** The image reference as the user wrote it, usually with a tag. The digest is in the spec. */
  reference: z.string(),
  /** The configured reference, if different: the service moves only when it changes. */
  written: z.string().optional(),
  spec: KnownSpec,
  /** The project's commit, if known. */
  commit: z.string().optional(),
  /** The name of an existing container that oneclick adopted. */
  adopted: z.string().optional(),
  /** What a reader needs to create its containers: a format, and the first version of oneclick that has it. */
  needs: z.strictObject({ format: z.int(), version: z.string() }).optional(),
});
export type Release = z.infer<typeof KnownRelease>;

/** An immutable image digest with its configuration, numbered per environment and service. Keeps unknown keys. */
export const Release: z.ZodType<Release> = keepUnknown(KnownRelease);

const KnownActivation = z.strictObject({
  /**
   * One above the highest order of any service on any host, assigned under the lease. All activations of a run share it, so that a
   * rollback can undo them together.
   */
  order: z.int().min(1),
  /** `deploy`, `rollback`, `adopt` or `canary`. Any other kind activates the release too. */
  kind: z.string(),
  release: KnownRelease,
  run: z.string(),
  who: z.string(),
  /** ISO 8601, by the client's clock: for display, never for order. */
  at: z.string(),
});
export type Activation = z.infer<typeof KnownActivation>;

/** A line of the release log: a release was activated, or started as a canary. Keeps unknown keys, so that copies have them. */
export const Activation: z.ZodType<Activation> = keepUnknown(KnownActivation);

/** Returns the `needs` of a release with this spec; empty if every version can create its containers. */
export function needsOf({ health }: ContainerSpec): Pick<Release, 'needs'> {
  const { version, health: keys } = secondFormat;
  return keys.some((key) => health[key] !== undefined) ? { needs: { format: 2, version } } : {};
}

/** Returns the version of oneclick that a release needs, from a line that may not be readable otherwise. */
export function neededVersion(line: unknown): string | undefined {
  const { data } = z
    .looseObject({ release: z.looseObject({ needs: KnownRelease.shape.needs }) })
    .safeParse(line);
  const needs = data?.release.needs;
  return needs !== undefined && needs.format > releaseFormat ? needs.version : undefined;
}

/** Returns why this version cannot create containers of the release, or undefined if it can: settings would be lost. */
export function creationProblem(service: string, release: Release, host: string): Failure | undefined {
  const version = neededVersion({ release });
  const unknown = unknownKeys(KnownSpec, release.spec);
  if (version === undefined && unknown.length === 0) return undefined;
  const needed = version === undefined ? 'a newer oneclick' : `oneclick ${version} or later`;
  const settings = unknown.length === 0 ? '' : ` for its settings ${unknown.join(', ')}`;
  const message = `release ${release.number} of ${service} needs ${needed}${settings}`;
  return new Failure('failed', 'release.newer', message, {
    host,
    hint: `update oneclick, or deploy a new release: oneclick deploy ${service}`,
  });
}

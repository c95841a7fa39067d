import { z } from 'zod';
import { Health, Port } from './service.js';

/**
 * What a release's containers are made of, without secret values: all that is needed to make them again on
 * a host that has lost them.
 */
export const ContainerSpec = z.strictObject({
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
export type ContainerSpec = z.infer<typeof ContainerSpec>;

/** One immutable image digest with its configuration, numbered per environment and service. */
export const Release = z.strictObject({
  number: z.int().min(0),
  /** What the person wrote: a tag, mostly. The digest is in the spec. */
  reference: z.string(),
  /** What the configuration said then, where that was something else: it moves the service only when it changes. */
  written: z.string().optional(),
  spec: ContainerSpec,
  /** The commit of the project, where known. */
  commit: z.string().optional(),
  /** The name of a container that was there before oneclick and was taken over as it stood. */
  adopted: z.string().optional(),
});
export type Release = z.infer<typeof Release>;

/** A line of the release log: this release of the service was made current, or put beside the current one as a canary. */
export const Activation = z.strictObject({
  /**
   * The order of activations in this environment: one above the highest of any service on any host, taken under the
   * lease. What one run activates has one order, so that a rollback knows what belongs together.
   */
  order: z.int().min(1),
  kind: z.enum(['deploy', 'rollback', 'adopt', 'canary']),
  release: Release,
  run: z.string(),
  who: z.string(),
  /** ISO 8601, by the client's clock: for people, never for order. */
  at: z.string(),
});
export type Activation = z.infer<typeof Activation>;

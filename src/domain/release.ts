import { z } from 'zod';
import { Health, Port } from './service.js';

/** The configuration of a release's containers, without secret values. Enough to create them again on a host that lost them. */
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

/** An immutable image digest with its configuration, numbered per environment and service. */
export const Release = z.strictObject({
  number: z.int().min(0),
  /** The image reference as the user wrote it, usually with a tag. The digest is in the spec. */
  reference: z.string(),
  /** The configured reference, if different: the service moves only when it changes. */
  written: z.string().optional(),
  spec: ContainerSpec,
  /** The project's commit, if known. */
  commit: z.string().optional(),
  /** The name of an existing container that oneclick adopted. */
  adopted: z.string().optional(),
});
export type Release = z.infer<typeof Release>;

/** A line of the release log: a release was activated, or started as a canary. */
export const Activation = z.strictObject({
  /**
   * One above the highest order of any service on any host, assigned under the lease. All activations of a run share it, so that a
   * rollback can undo them together.
   */
  order: z.int().min(1),
  kind: z.enum(['deploy', 'rollback', 'adopt', 'canary']),
  release: Release,
  run: z.string(),
  who: z.string(),
  /** ISO 8601, by the client's clock: for display, never for order. */
  at: z.string(),
});
export type Activation = z.infer<typeof Activation>;

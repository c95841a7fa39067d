import { z } from 'zod';

/** A port that a service publishes: `host` on the instance, `container` inside. */
export const Port = z.strictObject({
  /** The address of the instance to listen on; all of them by default. */
  address: z.string().optional(),
  host: z.int().min(1).max(65_535),
  container: z.int().min(1).max(65_535),
  /** Where two releases run beside each other: every container gets a free port of these, and `host` says nothing. */
  range: z.strictObject({ from: z.int().min(1), to: z.int().max(65_535) }).optional(),
});
export type Port = z.infer<typeof Port>;

/** How a new container proves that it works. All times in ms. */
export const Health = z.strictObject({
  /** The path of an HTTP request that must be answered with 2xx or 3xx; without it the port must accept, or HEALTHCHECK decide. */
  path: z.string().optional(),
  interval: z.number(),
  /** For one probe. */
  timeout: z.number(),
  /** From start to healthy. */
  deadline: z.number(),
  /** How long a container without port and HEALTHCHECK must have run. */
  settle: z.number(),
});
export type Health = z.infer<typeof Health>;

/** Where the image comes from: built from the project's commit, or fixed by its reference. */
export const ImageSource = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('build'),
    repository: z.string(),
    /** An absolute path. */
    context: z.string(),
    /** From the context; `Dockerfile` by default. */
    dockerfile: z.string().optional(),
    target: z.string().optional(),
    args: z.record(z.string(), z.string()).optional(),
    /** Names only. */
    secrets: z.array(z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal('fixed'),
    reference: z.string(),
    /** Asked for in this run: its digest is looked up again instead of being taken from the release log. */
    moves: z.boolean().optional(),
    /** What the configuration says, where this run was asked for something else. */
    written: z.string().optional(),
  }),
]);
export type ImageSource = z.infer<typeof ImageSource>;

export const Instance = z.strictObject({ id: z.string(), host: z.string() });
/** A machine on which a service runs: its instance ID, and the name of the host that it is reached as. */
export type Instance = z.infer<typeof Instance>;

/**
 * A service of one environment, with every default filled in: the part that makes a container (see
 * {@link ContainerSpec}) and the part that says how it is rolled out.
 */
export const Service = z.strictObject({
  name: z.string(),
  image: ImageSource,
  port: Port.optional(),
  health: Health,
  env: z.record(z.string(), z.string()),
  /** Names only. */
  secrets: z.array(z.string()),
  /** `name:/path[:ro]` or `/host/path:/path[:ro]`. */
  volumes: z.array(z.string()),
  command: z.array(z.string()).optional(),
  /** Bytes. */
  memory: z.number().optional(),
  cpus: z.number().optional(),
  user: z.string().optional(),
  restart: z.enum(['no', 'on-failure', 'unless-stopped']),
  stop: z.strictObject({ signal: z.string().optional(), timeout: z.number() }),
  swap: z.enum(['plain', 'beside', 'drain']),
  /** The name or the ARN of the target group that its instances are registered in. */
  targetGroup: z.string().optional(),
  singleton: z.boolean(),
  needs: z.array(z.string()),
  /** How many activated releases stay on an instance. */
  keep: z.int().min(2),
  releaseCommand: z
    .strictObject({
      command: z.array(z.string()),
      onLaterFailure: z.enum(['revert', 'stop']),
      /** ms */
      timeout: z.number(),
    })
    .optional(),
  /** Further keys of the Docker API's container configuration, `HostConfig` among them. */
  docker: z.record(z.string(), z.unknown()),
  instances: z.array(Instance),
});
export type Service = z.infer<typeof Service>;

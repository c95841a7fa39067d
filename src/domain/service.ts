import { z } from 'zod';

/** A published port: `host` on the instance, `container` in the container. */
export const Port = z.strictObject({
  /** The address to listen on; all addresses by default. */
  address: z.string().optional(),
  host: z.int().min(1).max(65_535),
  container: z.int().min(1).max(65_535),
  /** Replaces `host` if two releases run at once: each container gets a free port of the range. */
  range: z.strictObject({ from: z.int().min(1), to: z.int().max(65_535) }).optional(),
});
export type Port = z.infer<typeof Port>;

/** How to decide that a new container is healthy. All times in ms. */
export const Health = z.strictObject({
  /** An HTTP path that must return an expected status. Without it the port must accept connections, or HEALTHCHECK must pass. */
  path: z.string().optional(),
  /** The Host header, and the server name of `https`; `localhost` and the port if absent. */
  host: z.string().optional(),
  /** More request headers. Not secret: the release log keeps them. */
  headers: z.record(z.string(), z.string()).optional(),
  /** `http` if absent; `https` accepts any certificate. */
  scheme: z.enum(['http', 'https']).optional(),
  /** The expected status codes, both ends included; 2xx if absent. */
  status: z.array(z.strictObject({ from: z.int(), to: z.int() })).optional(),
  /** The port in the container to check; the published one if absent. */
  port: z.int().min(1).max(65_535).optional(),
  /** A command in the container that must exit with 0; replaces all other checks. */
  command: z.array(z.string()).optional(),
  interval: z.number(),
  /** The timeout of one probe. */
  timeout: z.number(),
  /** The most time from start to healthy. */
  deadline: z.number(),
  /** How long a container without port and HEALTHCHECK must keep running. */
  settle: z.number(),
});
export type Health = z.infer<typeof Health>;

/** The request that confirms a release through its load balancer; unset parts come from the load balancer's rules. */
export const Confirm = z.strictObject({
  host: z.string().optional(),
  path: z.string().optional(),
  /** Where to send it from: the first host by default, or this machine. */
  from: z.enum(['host', 'here']).optional(),
  /** Sends none. */
  off: z.literal(true).optional(),
});
export type Confirm = z.infer<typeof Confirm>;

/** The source of the image: built from the project's commit, or a fixed reference. */
export const ImageSource = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('build'),
    repository: z.string(),
    /** An absolute path. */
    context: z.string(),
    /** Relative to the context; `Dockerfile` by default. */
    dockerfile: z.string().optional(),
    target: z.string().optional(),
    args: z.record(z.string(), z.string()).optional(),
    /** Names only. */
    secrets: z.array(z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal('fixed'),
    reference: z.string(),
    /** Set if this run requested it: its digest is resolved again instead of taken from the release log. */
    moves: z.boolean().optional(),
    /** The configured reference, if this run requested another one. */
    written: z.string().optional(),
  }),
]);
export type ImageSource = z.infer<typeof ImageSource>;

export const Instance = z.strictObject({ id: z.string(), host: z.string() });
/** A machine that runs a service: its instance ID and the name of its host. */
export type Instance = z.infer<typeof Instance>;

/** A service of an environment, with all defaults applied: its containers (see {@link ContainerSpec}) and how to roll them out. */
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
  /** The name or ARN of the target group of its instances. */
  targetGroup: z.string().optional(),
  confirm: Confirm.optional(),
  singleton: z.boolean(),
  needs: z.array(z.string()),
  /** How many activated releases an instance keeps. */
  keep: z.int().min(2),
  releaseCommand: z
    .strictObject({
      command: z.array(z.string()),
      onLaterFailure: z.enum(['revert', 'stop']),
      /** ms */
      timeout: z.number(),
    })
    .optional(),
  /** Additional keys of the Docker API's container configuration, including `HostConfig`. */
  docker: z.record(z.string(), z.unknown()),
  instances: z.array(Instance),
});
export type Service = z.infer<typeof Service>;

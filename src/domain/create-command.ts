import { z } from 'zod';

/** The arguments of `docker create` for a body of `POST /containers/create`. */
export interface CreateCommand {
  readonly options: readonly string[];
  /** The image, then the command. */
  readonly operands: readonly string[];
  /** Keys of the API without a matching option. */
  readonly missing: readonly string[];
}

/** Converts a value to options. Returns undefined if no option can express it. */
type ToOptions = (value: unknown) => readonly string[] | undefined;

const Texts = z.array(z.string());
const TextMap = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** `--init`, `--shm-size 64`, `--dns 1.1.1.1 --dns 8.8.8.8`, `--sysctl a=1 --sysctl b=2`. */
const option =
  (name: string): ToOptions =>
  (value) => {
    if (typeof value === 'boolean') return [value ? name : `${name}=false`];
    if (typeof value === 'string' || typeof value === 'number') return [name, String(value)];
    const list = Texts.safeParse(value);
    if (list.success) return list.data.flatMap((item) => [name, item]);
    const map = TextMap.safeParse(value);
    return map.success ? optionPairs(name, map.data) : undefined;
  };

/** `--label a=1 --label b=2` */
export function optionPairs(name: string, map: z.infer<typeof TextMap>): readonly string[] {
  return Object.entries(map).flatMap(([key, value]) => [name, `${key}=${value ?? ''}`]);
}

function parsedAs<T>(schema: z.ZodType<T>, words: (value: T) => readonly string[] | undefined): ToOptions {
  return (value) => {
    const parsed = schema.safeParse(value);
    return parsed.success ? words(parsed.data) : undefined;
  };
}

const noOption: ToOptions = () => [];

const Healthcheck = z.strictObject({
  Test: Texts.optional(),
  Interval: z.number().optional(),
  Timeout: z.number().optional(),
  StartPeriod: z.number().optional(),
  Retries: z.number().optional(),
});

function healthcheck({ Test: test = [], Retries, ...times }: z.infer<typeof Healthcheck>) {
  const [kind, line, ...more] = test;
  if (kind === 'NONE') return ['--no-healthcheck'];
  // `--health-cmd` always runs a shell.
  if (kind !== undefined && (kind !== 'CMD-SHELL' || line === undefined || more.length > 0)) return undefined;
  const time = (name: string, nanoseconds: number | undefined) =>
    nanoseconds === undefined ? [] : [name, `${nanoseconds}ns`];
  return [
    ...(line === undefined ? [] : ['--health-cmd', line]),
    ...time('--health-interval', times.Interval),
    ...time('--health-timeout', times.Timeout),
    ...time('--health-start-period', times.StartPeriod),
    ...(Retries === undefined ? [] : ['--health-retries', String(Retries)]),
  ];
}

const Bindings = z.record(
  z.string(),
  z.array(z.strictObject({ HostIp: z.string().default(''), HostPort: z.string() })),
);

function publish(bindings: z.infer<typeof Bindings>) {
  const address = (ip: string) => (ip === '' ? '' : `${ip.includes(':') ? `[${ip}]` : ip}:`);
  return Object.entries(bindings).flatMap(([inside, places]) =>
    places.flatMap(({ HostIp, HostPort }) => [
      '--publish',
      `${address(HostIp)}${HostPort}:${inside.replace(/\/tcp$/, '')}`,
    ]),
  );
}

const Networking = z.strictObject({
  EndpointsConfig: z.record(z.string(), z.strictObject({ Aliases: Texts.default([]) })),
});
const LogConfig = z.strictObject({ Type: z.string(), Config: TextMap.default({}) });
const Restart = z.strictObject({ Name: z.string(), MaximumRetryCount: z.number().default(0) });
const Ulimits = z.array(z.strictObject({ Name: z.string(), Soft: z.number(), Hard: z.number() }));
const Devices = z.array(
  z.strictObject({
    PathOnHost: z.string(),
    PathInContainer: z.string(),
    CgroupPermissions: z.string().default('rwm'),
  }),
);

/** By API key, top-level and `HostConfig` alike: no key is in both. */
const optionsByKey: Readonly<Record<string, ToOptions>> = {
  Env: option('--env'),
  Labels: option('--label'),
  User: option('--user'),
  StopSignal: option('--stop-signal'),
  StopTimeout: option('--stop-timeout'),
  Hostname: option('--hostname'),
  Domainname: option('--domainname'),
  WorkingDir: option('--workdir'),
  Tty: option('--tty'),
  Healthcheck: parsedAs(Healthcheck, healthcheck),
  // Publishing a port exposes it.
  ExposedPorts: noOption,
  NetworkingConfig: parsedAs(Networking, ({ EndpointsConfig: networks }) =>
    Object.values(networks).flatMap(({ Aliases }) => Aliases.flatMap((alias) => ['--network-alias', alias])),
  ),
  NetworkMode: option('--network'),
  PortBindings: parsedAs(Bindings, publish),
  RestartPolicy: parsedAs(Restart, ({ Name, MaximumRetryCount: most }) => [
    '--restart',
    most === 0 ? Name : `${Name}:${most}`,
  ]),
  Binds: option('--volume'),
  Memory: option('--memory'),
  NanoCpus: parsedAs(z.number(), (nano) => ['--cpus', String(nano / 1e9)]),
  LogConfig: parsedAs(LogConfig, ({ Type, Config }) => [
    '--log-driver',
    Type,
    ...optionPairs('--log-opt', Config),
  ]),
  Ulimits: parsedAs(Ulimits, (limits) =>
    limits.flatMap(({ Name, Soft, Hard }) => ['--ulimit', `${Name}=${Soft}:${Hard}`]),
  ),
  Tmpfs: parsedAs(TextMap, (places) =>
    Object.entries(places).flatMap(([path, how]) => ['--tmpfs', how ? `${path}:${how}` : path]),
  ),
  Devices: parsedAs(Devices, (devices) =>
    devices.flatMap(({ PathOnHost, PathInContainer, CgroupPermissions }) => [
      '--device',
      `${PathOnHost}:${PathInContainer}:${CgroupPermissions}`,
    ]),
  ),
  ...Object.fromEntries(
    (
      'BlkioWeight blkio-weight|CapAdd cap-add|CapDrop cap-drop|CgroupParent cgroup-parent|CgroupnsMode cgroupns|' +
      'CpuPeriod cpu-period|CpuQuota cpu-quota|CpuShares cpu-shares|CpusetCpus cpuset-cpus|CpusetMems cpuset-mems|' +
      'Dns dns|DnsOptions dns-option|DnsSearch dns-search|ExtraHosts add-host|GroupAdd group-add|Init init|IpcMode ipc|' +
      'Isolation isolation|MemoryReservation memory-reservation|MemorySwap memory-swap|' +
      'MemorySwappiness memory-swappiness|OomKillDisable oom-kill-disable|OomScoreAdj oom-score-adj|PidMode pid|' +
      'PidsLimit pids-limit|Privileged privileged|ReadonlyRootfs read-only|Runtime runtime|SecurityOpt security-opt|' +
      'ShmSize shm-size|StorageOpt storage-opt|Sysctls sysctl|UTSMode uts|UsernsMode userns|VolumesFrom volumes-from'
    )
      .split('|')
      .map((line) => line.split(' '))
      .map(([key = '', name = '']) => [key, option(`--${name}`)]),
  ),
};

const Entrypoint = z.union([z.string().transform((program) => [program]), Texts.min(1)]);
const Body = z.looseObject({
  Image: z.string(),
  Entrypoint: z.unknown().optional(),
  Cmd: Texts.default([]),
  HostConfig: z.record(z.string(), z.unknown()).default({}),
});

/** Converts a body of `POST /containers/create` to arguments of `docker create`. */
export function createArgv(body: Readonly<Record<string, unknown>>): CreateCommand {
  const { Image, Entrypoint: written, Cmd, HostConfig, ...rest } = Body.parse(body);
  const entrypoint = Entrypoint.safeParse(written);
  const [program, ...words] = entrypoint.data ?? [];
  const options = program === undefined ? [] : ['--entrypoint', program];
  const missing = isAbsent(written) || entrypoint.success ? [] : ['Entrypoint'];
  for (const [key, value] of [...Object.entries(rest), ...Object.entries(HostConfig)]) {
    const words = isAbsent(value) ? [] : optionsByKey[key]?.(value);
    if (words === undefined) missing.push(key);
    else options.push(...words);
  }
  return { options, operands: [Image, ...words, ...Cmd], missing };
}

const isAbsent = (value: unknown) => value === undefined || value === null;

import { z } from 'zod';
import type { ImageFacts, InspectedContainer } from '../../domain/facts.js';
import { given } from '../../domain/given.js';
import type { ProcessFacts } from '../host.js';
import { plainText } from '../plain-text.js';

/** Docker's JSON has null instead of empty lists. */
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const mapOf = <T extends z.ZodType>(value: T) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((values) => values ?? {});

const State = z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']);
const Healths = ['starting', 'healthy', 'unhealthy'] as const;
const isHealth = (text: string | undefined) => Healths.find((health) => health === text);
const byNumber = (ports: Iterable<number>) => [...new Set(ports)].sort((a, b) => a - b);

const Mounts = listOf(z.object({ Type: z.string().nullish(), Name: z.string().nullish() })).transform(
  (mounts) => mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
);
const volumesOf = (volumes: readonly string[]) => (volumes.length === 0 ? {} : { volumes });

/** An item of `GET /containers/json`. */
export const Listed = z.object({
  Id: z.string(),
  Names: listOf(z.string()),
  Image: z.string(),
  State,
  /** Text such as `Exited (1) 2 hours ago` or `Up 3 minutes (healthy)`. */
  Status: z.string(),
  Labels: mapOf(z.string()),
  Ports: listOf(z.object({ PublicPort: z.number().optional() })),
  NetworkSettings: z.object({ Networks: mapOf(z.unknown()) }).nullish(),
  Mounts,
});

/** The response of `GET /containers/{id}/json`. */
export const Inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  RestartCount: z.number().nullish(),
  /** The program that it runs, before its arguments. */
  Path: z.string().nullish(),
  State: z.object({
    Status: State,
    Pid: z.number().nullish(),
    ExitCode: z.number(),
    OOMKilled: z.boolean().nullish(),
    StartedAt: z.string(),
    Health: z
      .object({
        Status: z.string(),
        Log: listOf(z.object({ ExitCode: z.number(), Output: z.string().nullish() })),
      })
      .nullish(),
  }),
  Config: z.object({ Image: z.string(), Labels: mapOf(z.string()), Env: listOf(z.string()) }),
  HostConfig: z.object({
    RestartPolicy: z.object({ Name: z.string() }).nullish(),
    PortBindings: mapOf(listOf(z.object({ HostPort: z.string() }))),
  }),
  NetworkSettings: z.object({
    Networks: mapOf(
      z.object({
        Aliases: listOf(z.string()),
        IPAddress: z.string().nullish(),
        IPAMConfig: z.object({ IPv4Address: z.string().nullish() }).nullish(),
      }),
    ),
    Ports: mapOf(listOf(z.object({ HostPort: z.string() }))),
  }),
  Mounts,
});

/** An item of `GET /images/json`. */
export const ListedImage = z.object({
  Id: z.string(),
  RepoDigests: listOf(z.string()),
  RepoTags: listOf(z.string()),
  Size: z.number(),
});

/** Converts a list item; it has no restart policy (empty), no environment, and ports only while running. */
export function listedFacts(item: z.infer<typeof Listed>): InspectedContainer {
  const exit = /^Exited \((\d+)\)/.exec(item.Status)?.[1];
  const health = isHealth(/\((?:health: )?(\w+)\)$/.exec(item.Status)?.[1]);
  return {
    id: item.Id,
    name: nameOf(item.Names[0] ?? ''),
    labels: item.Labels,
    image: item.Image,
    state: item.State,
    ...given({ health }),
    restart: '',
    ports: byNumber(item.Ports.flatMap(({ PublicPort }) => PublicPort ?? [])),
    ...(exit === undefined ? {} : { exit: Number(exit) }),
    networks: Object.keys(item.NetworkSettings?.Networks ?? {}),
    ...volumesOf(item.Mounts),
    env: [],
  };
}

export function inspectedFacts(answer: z.infer<typeof Inspected>): InspectedContainer {
  const { State: state, Config, HostConfig, NetworkSettings } = answer;
  const health = state.Status === 'running' ? isHealth(state.Health?.Status) : undefined;
  const bound = [...Object.values(HostConfig.PortBindings), ...Object.values(NetworkSettings.Ports)].flat();
  const [address] = Object.values(NetworkSettings.Networks).flatMap(({ IPAddress }) => IPAddress || []);
  const ended = state.Status === 'exited' || state.Status === 'dead';
  return {
    id: answer.Id,
    name: nameOf(answer.Name),
    labels: Config.Labels,
    image: Config.Image,
    state: state.Status,
    ...given({ health }),
    restart: HostConfig.RestartPolicy?.Name || 'no',
    ports: byNumber(bound.map(({ HostPort }) => Number(HostPort)).filter((port) => port > 0)),
    ...(ended || state.Status === 'restarting' ? { exit: state.ExitCode } : {}),
    ...(state.Status !== 'running' && state.OOMKilled === true ? { outOfMemory: true as const } : {}),
    ...(answer.RestartCount ? { restarts: answer.RestartCount } : {}),
    ...(state.StartedAt.startsWith('0001') ? {} : { started: state.StartedAt }),
    networks: Object.keys(NetworkSettings.Networks),
    ...endpointsOf(NetworkSettings.Networks),
    ...volumesOf(answer.Mounts),
    ...given({ address }),
    env: Config.Env,
  };
}

/** Converts the parts that only a diagnosis needs. */
export function inspectedProcess({ Path, State: state }: z.infer<typeof Inspected>): ProcessFacts {
  const last = state.Health?.Log.at(-1);
  return {
    ...(state.Pid ? { pid: state.Pid } : {}),
    ...given({ program: Path || undefined }),
    ...(last === undefined
      ? {}
      : { healthcheck: { exit: last.ExitCode, output: plainText(last.Output ?? '') } }),
  };
}

/** The aliases of an endpoint, without the short ID that the engine adds. */
export function ownAliases({ Aliases }: { readonly Aliases: readonly string[] }): readonly string[] {
  return Aliases.filter((alias) => !/^[0-9a-f]{12}$/.test(alias));
}

type Endpoints = z.infer<typeof Inspected>['NetworkSettings']['Networks'];

function endpointsOf(networks: Endpoints): Pick<InspectedContainer, 'aliases' | 'addresses'> {
  const aliases = Object.entries(networks).flatMap(([network, endpoint]) => {
    const own = ownAliases(endpoint);
    return own.length === 0 ? [] : [[network, own] as const];
  });
  const addresses = Object.entries(networks).flatMap(([network, { IPAMConfig }]) =>
    IPAMConfig?.IPv4Address ? [[network, IPAMConfig.IPv4Address] as const] : [],
  );
  return {
    ...(aliases.length === 0 ? {} : { aliases: Object.fromEntries(aliases) }),
    ...(addresses.length === 0 ? {} : { addresses: Object.fromEntries(addresses) }),
  };
}

export function imageFacts(item: z.infer<typeof ListedImage>): ImageFacts {
  const named = (names: readonly string[]) => names.filter((name) => !name.startsWith('<none>'));
  return { id: item.Id, digests: named(item.RepoDigests), tags: named(item.RepoTags), size: item.Size };
}

const nameOf = (path: string) => path.replace(/^\//, '');

import { z } from 'zod';
import { lowerHalf } from '../../domain/service-names.js';
import { ApiError } from './api.js';
import { type Inspected, ownAliases } from './container-facts.js';
import type { EngineCalls } from './engine-calls.js';

/** Connects a container to a network; these aliases replace any others. See `Engine.connect`. */
export async function joinNetwork(
  calls: EngineCalls,
  network: string,
  container: string,
  { aliases, address }: { readonly aliases: readonly string[]; readonly address?: string | undefined },
  known: z.infer<typeof Inspected> | undefined,
): Promise<void> {
  const joined = known?.NetworkSettings.Networks[network];
  const kept = joined?.IPAMConfig?.IPv4Address || undefined;
  if (joined !== undefined) {
    if ([...ownAliases(joined)].sort().join() === [...aliases].sort().join()) return;
    await leaveNetwork(calls, network, container);
  }
  const given = kept ?? address;
  const ipam = given === undefined ? {} : { IPAMConfig: { IPv4Address: given } };
  const body = { Container: container, EndpointConfig: { Aliases: aliases, ...ipam } };
  const request = { method: 'POST', path: `/networks/${network}/connect`, body } as const;
  await calls.send(`connect ${container} to ${network}`, request);
}

/** Disconnects a container from a network. See `Engine.disconnect`. */
export async function leaveNetwork(calls: EngineCalls, network: string, container: string): Promise<void> {
  const action = `disconnect ${container} from ${network}`;
  const body = { Container: container, Force: true };
  try {
    await calls.raw(action, { method: 'POST', path: `/networks/${network}/disconnect`, body });
  } catch (error) {
    const isDisconnected =
      error instanceof ApiError && (error.status === 404 || /is not connected/.test(error.message));
    if (!isDisconnected) throw calls.translate(action, error);
  }
}

const Network = z.object({
  Labels: z.record(z.string(), z.string()).nullish(),
  IPAM: z
    .object({ Config: z.array(z.object({ Subnet: z.string(), IPRange: z.string().nullish() })).nullish() })
    .nullish(),
});

async function inspectNetwork(calls: EngineCalls, name: string): Promise<NetworkDetails | undefined> {
  const action = `inspect network ${name}`;
  try {
    const answer = Network.parse(await calls.raw(action, { method: 'GET', path: `/networks/${name}` }));
    const pool = answer.IPAM?.Config?.find(({ Subnet }) => !Subnet.includes(':'));
    const isHalved = pool !== undefined && pool.IPRange === lowerHalf(pool.Subnet);
    return { labels: answer.Labels ?? {}, subnet: pool?.Subnet, isHalved };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw calls.translate(action, error);
  }
}

interface NetworkDetails {
  readonly labels: Readonly<Record<string, string>>;
  readonly subnet: string | undefined;
  /** Whether the engine leaves the upper half alone. */
  readonly isHalved: boolean;
}

/** Returns the subnet of a network with fixed addresses. See `Engine.fixedSubnet`. */
export async function fixedSubnet(calls: EngineCalls, network: string): Promise<string | undefined> {
  const found = await inspectNetwork(calls, network);
  return found?.isHalved ? found.subnet : undefined;
}

/** Creates an internal network whose upper half is for fixed addresses. See `Engine.ensureNamesNetwork`. */
export async function ensureNamesNetwork(
  calls: EngineCalls,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const create = (options: object) => {
    const body = { Name: name, Driver: 'bridge', CheckDuplicate: true, Internal: true, Labels: labels };
    const request = { method: 'POST', path: '/networks/create', body: { ...body, ...options } } as const;
    return calls.ensure(`create network ${name}`, request, [409]);
  };
  const before = await inspectNetwork(calls, name);
  if (before?.isHalved) return;
  // Only the engine knows a free subnet, and only a subnet that is asked for allows fixed addresses.
  if (before === undefined) await create({});
  const { subnet, labels: own = {} } = (await inspectNetwork(calls, name)) ?? {};
  const isOurs = Object.entries(labels).every(([key, value]) => own[key] === value);
  if (subnet === undefined || !isOurs || Number(subnet.split('/')[1]) > maxSubnetBits) return;
  const remove = { method: 'DELETE', path: `/networks/${name}` } as const;
  // 403: somebody has connected a container. Then the engine chooses all addresses.
  await calls.ensure(`remove network ${name}`, remove, [403, 404]);
  await create({ IPAM: { Config: [{ Subnet: subnet, IPRange: lowerHalf(subnet) }] } });
}

/** Smaller subnets have too few addresses for two halves. */
const maxSubnetBits = 28;

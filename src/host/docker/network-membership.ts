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
  IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().nullish() })).nullish() }).nullish(),
});

/** Returns the IPv4 subnet of a network. See `Engine.subnet`. */
export async function subnetOf(calls: EngineCalls, network: string): Promise<string | undefined> {
  const action = `inspect network ${network}`;
  try {
    const answer = Network.parse(await calls.raw(action, { method: 'GET', path: `/networks/${network}` }));
    const subnets = (answer.IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []);
    return subnets.find((subnet) => /^[\d.]+\/\d+$/.test(subnet));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw calls.translate(action, error);
  }
}

/** Creates an internal network whose upper half is for fixed addresses. See `Engine.ensureNamesNetwork`. */
export async function ensureNamesNetwork(
  calls: EngineCalls,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  if ((await subnetOf(calls, name)) !== undefined) return;
  const create = (IPAM?: object) => {
    const body = { Name: name, Driver: 'bridge', CheckDuplicate: true, Internal: true, Labels: labels };
    const request = {
      method: 'POST',
      path: '/networks/create',
      body: IPAM === undefined ? body : { ...body, IPAM },
    } as const;
    return calls.ensure(`create network ${name}`, request, [409]);
  };
  // Only the engine knows a free subnet; only one that is asked for allows fixed addresses.
  await create();
  const Subnet = await subnetOf(calls, name);
  if (Subnet === undefined) return;
  await calls.ensure(`remove network ${name}`, { method: 'DELETE', path: `/networks/${name}` }, [404]);
  await create({ Config: [{ Subnet, IPRange: lowerHalf(Subnet) }] });
}

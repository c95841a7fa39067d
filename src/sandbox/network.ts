import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Context } from './context.js';
import { belongingTo, labels, messageOf } from './docker.js';
import { SandboxFailure } from './failure.js';

/** The private network of a sandbox: a Docker bridge with a subnet of its own. */
export interface Network {
  readonly id: string;
  /** As the engine knows it: `oneclick-<sandbox>`. */
  readonly name: string;
  /** The first three bytes of its /24, with the dot: `10.213.0.`. */
  readonly prefix: string;
  /** Where the registry is found on the loopback of this machine and of every machine of the sandbox. */
  readonly registryPort: number;
}

/** Fixed addresses, so that they outlive a repair: .1 the engine's bridge, .2 the registry, .3 the bastion, .11 sandbox-1 … */
export function address(network: Network, role: 'registry' | 'bastion' | number): string {
  const last = role === 'registry' ? 2 : role === 'bastion' ? 3 : 10 + role;
  return `${network.prefix}${last}`;
}

/** The most machines: the addresses above .60 belong to what the API makes. */
export const maxMachines = 50;

/** Where the API of the sandbox answers on the loopback of this machine: a port that goes with the registry's. */
export function endpointPort(network: Network): number {
  return network.registryPort + 100;
}

/** The sandbox's network, if it exists. */
export async function findNetwork(context: Context, sandbox: string): Promise<Network | undefined> {
  const [found] = await context.docker.listNetworks({ filters: belongingTo(sandbox) });
  const subnet = found?.IPAM?.Config?.[0]?.Subnet;
  if (found === undefined || subnet === undefined) return undefined;
  const prefix = subnet.replace(/\d+\/\d+$/, '');
  return {
    id: found.Id,
    name: found.Name,
    prefix,
    registryPort: Number(found.Labels?.[labels.registryPort]),
  };
}

/** How often the subnet is chosen anew that another sandbox, made at the same time, was faster to take. */
const races = 5;

/** The sandbox's network, made in a free subnet when it does not exist. */
export async function ensureNetwork(context: Context, sandbox: string): Promise<Network> {
  const present = await findNetwork(context, sandbox);
  if (present !== undefined) return present;
  for (let lost = 0; ; lost++) {
    try {
      await makeNetwork(context, sandbox);
      break;
    } catch (error) {
      if (lost === races || !/overlaps/i.test(messageOf(error))) throw error;
    }
  }
  const made = await findNetwork(context, sandbox);
  if (made === undefined) throw new SandboxFailure('network.lost', `the network ${sandbox} vanished at once`);
  return made;
}

async function makeNetwork(context: Context, sandbox: string): Promise<void> {
  const others = (await context.docker.listNetworks()).flatMap((network) => network.IPAM?.Config ?? []);
  const here = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const taken = [...others.map((config) => config.Subnet), ...here.map((own) => own.cidr)];
  const subnet = freeSubnet(taken.filter((range) => typeof range === 'string'));
  context.progress(`Making the network oneclick-${sandbox} (${subnet})`);
  await context.docker.createNetwork({
    Name: `oneclick-${sandbox}`,
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: subnet.replace('.0/24', '.1') }] },
    Labels: { [labels.sandbox]: sandbox, [labels.registryPort]: String(await freePort(context)) },
  });
}

/**
 * The first /24 that overlaps none of the `taken` ranges (IPv4 CIDRs; others are ignored).
 * The candidates lie outside of Docker's own address pools (172.17-31 and 192.168), so that the sandbox takes
 * none of them from the user's other networks, and none that the machines' inner engines will want.
 */
export function freeSubnet(taken: readonly string[]): string {
  const ranges = taken.flatMap((cidr) => range(cidr) ?? []);
  // The second: for benchmarks of networks (RFC 2544), so in use nowhere; for machines that sit in 10.0.0.0/8.
  for (const block of ['10.213', '198.18']) {
    for (let third = 0; third < 256; third++) {
      const candidate = `${block}.${third}.0/24`;
      const wanted = range(candidate);
      if (wanted === undefined) continue;
      if (ranges.every((other) => wanted.last < other.first || other.last < wanted.first)) return candidate;
    }
  }
  throw new SandboxFailure('network.full', 'no free private subnet is left on this machine', {
    hint: 'docker network prune removes networks that nothing uses',
  });
}

/** A port for the registry that nothing listens on and no container, running or not, publishes; nor on the endpoint's. */
async function freePort(context: Context): Promise<number> {
  const containers = await context.docker.listContainers({ all: true });
  const networks = await context.docker.listNetworks({ filters: { label: [labels.registryPort] } });
  const taken = new Set([
    ...containers.flatMap((container) => container.Ports.map((port) => port.PublicPort)),
    ...networks.map((network) => Number(network.Labels?.[labels.registryPort])),
  ]);
  for (let port = 5500; port < 5600; port++) {
    if (!taken.has(port) && (await canListen(port)) && (await canListen(port + 100))) return port;
  }
  throw new SandboxFailure('registry.port', 'no port between 5500 and 5599 is free for the registry');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function range(cidr: string): { first: number; last: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number);
  if (a === undefined || b === undefined || c === undefined || d === undefined || bits === undefined) return;
  const size = 2 ** (32 - bits);
  const at = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const first = Math.floor(at / size) * size;
  return { first, last: first + size - 1 };
}

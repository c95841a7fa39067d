import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Context } from './context.js';
import { labels, messageOf, sandboxFilter } from './docker.js';
import { SandboxFailure } from './failure.js';

/** The private network of a sandbox: a Docker bridge with its own /24. */
export interface Network {
  readonly id: string;
  /** The Docker name: `oneclick-<sandbox>`. */
  readonly name: string;
  /** The first three bytes with the dot: `10.213.0.`. */
  readonly prefix: string;
  /** The registry's loopback port, on this machine and on every sandbox machine. */
  readonly registryPort: number;
}

/** Returns a role's fixed address: .1 bridge, .2 registry, .3 bastion, .11 sandbox-1 and so on. */
export function address(network: Network, role: 'registry' | 'bastion' | number): string {
  const last = role === 'registry' ? 2 : role === 'bastion' ? 3 : 10 + role;
  return `${network.prefix}${last}`;
}

/** Addresses above .60 belong to instances and load balancers. */
export const maxMachines = 50;

/** Returns the loopback port of the AWS API, derived from the registry's. */
export function endpointPort(network: Network): number {
  return network.registryPort + 100;
}

/** Returns the sandbox's network, if it exists. */
export async function findNetwork(context: Context, sandbox: string): Promise<Network | undefined> {
  const [found] = await context.docker.listNetworks({ filters: sandboxFilter(sandbox) });
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

/** Ports for sandboxes: one registry each, and its endpoint 100 higher. */
const firstPort = 5500;
const maxSandboxes = 100;

/** Returns the sandbox's network, creating it in a free subnet if needed. */
export async function ensureNetwork(context: Context, sandbox: string): Promise<Network> {
  const present = await findNetwork(context, sandbox);
  if (present !== undefined) return present;
  const [subnets, ports] = await Promise.all([takenSubnets(context), takenPorts(context)]);
  for (const { subnet, port } of freeSubnets(subnets)) {
    if (ports.has(port) || !(await canListen(port)) || !(await canListen(port + 100))) continue;
    try {
      await createNetwork(context, sandbox, subnet, port);
    } catch (error) {
      // The engine refuses subnets of networks that it does not list yet.
      if (!/overlaps/i.test(messageOf(error))) throw error;
      continue;
    }
    const created = await findNetwork(context, sandbox);
    if (created !== undefined) return created;
    throw new SandboxFailure('network.lost', `the network ${sandbox} was removed during creation`);
  }
  throw new SandboxFailure(
    'network.full',
    'no private subnet with a free registry port is left on this machine',
    {
      hint: `remove unused networks: docker network prune; ports ${firstPort} to ${firstPort + maxSandboxes - 1} are for registries`,
    },
  );
}

async function takenSubnets(context: Context): Promise<string[]> {
  const networks = (await context.docker.listNetworks()).flatMap((network) => network.IPAM?.Config ?? []);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const taken = [...networks.map((config) => config.Subnet), ...addresses.map((address) => address.cidr)];
  return taken.filter((range) => typeof range === 'string');
}

async function takenPorts(context: Context): Promise<ReadonlySet<number | undefined>> {
  const containers = await context.docker.listContainers({ all: true });
  const networks = await context.docker.listNetworks({ filters: { label: [labels.registryPort] } });
  return new Set([
    ...containers.flatMap((container) => container.Ports.map((port) => port.PublicPort)),
    ...networks.map((network) => Number(network.Labels?.[labels.registryPort])),
  ]);
}

async function createNetwork(context: Context, sandbox: string, subnet: string, port: number): Promise<void> {
  context.progress(`creating the network oneclick-${sandbox} (${subnet})`);
  await context.docker.createNetwork({
    Name: `oneclick-${sandbox}`,
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: subnet.replace('.0/24', '.1') }] },
    Labels: { [labels.sandbox]: sandbox, [labels.registryPort]: String(port) },
  });
}

/**
 * Returns each /24 that overlaps no `taken` range (IPv4 CIDRs; others are ignored), with its registry port. The engine
 * reserves a subnet for one network, and so its port too. Candidates avoid Docker's address pools (172.17-31 and
 * 192.168), which other networks and the inner engines use.
 */
export function freeSubnets(taken: readonly string[]): { readonly subnet: string; readonly port: number }[] {
  const ranges = taken.flatMap((cidr) => parseRange(cidr) ?? []);
  // 198.18/15 is for benchmarks (RFC 2544), so free on machines in 10.0.0.0/8.
  const candidates = ['10.213', '198.18'].flatMap((block) =>
    Array.from({ length: maxSandboxes }, (_, third) => ({
      subnet: `${block}.${third}.0/24`,
      port: firstPort + third,
    })),
  );
  return candidates.filter(({ subnet }) => {
    const wanted = parseRange(subnet);
    if (wanted === undefined) return false;
    return ranges.every((other) => wanted.last < other.first || other.last < wanted.first);
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function parseRange(cidr: string): { first: number; last: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number);
  if (a === undefined || b === undefined || c === undefined || d === undefined || bits === undefined) return;
  const size = 2 ** (32 - bits);
  const address = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

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

/** Attempts to find a subnet when other sandboxes are created at the same time. */
const maxRaces = 5;

/** Returns the sandbox's network, creating it in a free subnet if needed. */
export async function ensureNetwork(context: Context, sandbox: string): Promise<Network> {
  const present = await findNetwork(context, sandbox);
  if (present !== undefined) return present;
  // The engine refuses subnets of networks that it does not list yet.
  const refused: string[] = [];
  for (;;) {
    const subnet = await chooseSubnet(context, refused);
    try {
      await createNetwork(context, sandbox, subnet);
      break;
    } catch (error) {
      if (refused.length === maxRaces || !/overlaps/i.test(messageOf(error))) throw error;
      refused.push(subnet);
    }
  }
  const created = await findNetwork(context, sandbox);
  if (created === undefined)
    throw new SandboxFailure('network.lost', `the network ${sandbox} was removed during creation`);
  return created;
}

async function chooseSubnet(context: Context, refused: readonly string[]): Promise<string> {
  const networks = (await context.docker.listNetworks()).flatMap((network) => network.IPAM?.Config ?? []);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const taken = [...networks.map((config) => config.Subnet), ...addresses.map((address) => address.cidr)];
  return freeSubnet([...refused, ...taken.filter((range) => typeof range === 'string')]);
}

async function createNetwork(context: Context, sandbox: string, subnet: string): Promise<void> {
  context.progress(`creating the network oneclick-${sandbox} (${subnet})`);
  await context.docker.createNetwork({
    Name: `oneclick-${sandbox}`,
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: subnet.replace('.0/24', '.1') }] },
    Labels: { [labels.sandbox]: sandbox, [labels.registryPort]: String(await freePort(context)) },
  });
}

/**
 * Returns the first /24 that overlaps no `taken` range (IPv4 CIDRs; others are ignored). Candidates avoid Docker's
 * address pools (172.17-31 and 192.168), which other networks and the inner engines use.
 * @throws SandboxFailure if no /24 is free
 */
export function freeSubnet(taken: readonly string[]): string {
  const ranges = taken.flatMap((cidr) => parseRange(cidr) ?? []);
  // 198.18/15 is for benchmarks (RFC 2544), so free on machines in 10.0.0.0/8.
  for (const block of ['10.213', '198.18']) {
    for (let third = 0; third < 256; third++) {
      const candidate = `${block}.${third}.0/24`;
      const wanted = parseRange(candidate);
      if (wanted === undefined) continue;
      if (ranges.every((other) => wanted.last < other.first || other.last < wanted.first)) return candidate;
    }
  }
  throw new SandboxFailure('network.full', 'no private subnet is free on this machine', {
    hint: 'remove unused networks: docker network prune',
  });
}

/** Returns a registry port that is free together with the endpoint's port. */
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
  throw new SandboxFailure('registry.port', 'no registry port is free (5500 to 5599)');
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

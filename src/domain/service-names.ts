import { createHash } from 'node:crypto';
import { isOurs } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts } from './facts.js';
import { environmentLabels, label, prefix } from './labels.js';
import { isNamesNetwork, type NetworkUse, suffixed } from './names.js';
import type { Service } from './service.js';

/*
 * Two containers of a service run side by side during its deploys, and only healthy ones may have its name. A name is an alias on a network,
 * which changes only by leaving and joining again. That would close published ports, so these names have a network of their own,
 * where each of these containers keeps its address: its connections survive.
 */

/** Whether a container of the service gets its name when it is healthy, instead of at its creation. */
export function isNamedWhenHealthy({ swap }: Pick<Service, 'swap'>): boolean {
  return swap === 'beside';
}

/** The labels of the network of the service names. */
export function namesLabels(id: EnvironmentId): Record<string, string> {
  return { ...environmentLabels(id), [label.role]: 'names' };
}

/** The name of the network of the service names: that of the existing one, or one that is free. */
export function namesNetwork({ networks }: NetworkUse, id: EnvironmentId): string {
  const existing = networks.find((network) => isOurs(network, id) && isNamesNetwork(network));
  if (existing !== undefined) return existing.name;
  const [usual = '', other = ''] = namesNetworks(id);
  return networks.some(({ name }) => name === usual) ? other : usual;
}

/** The names that the network of the service names can have. */
export function namesNetworks(id: EnvironmentId): readonly string[] {
  const usual = `${prefix(id)}-names`;
  return [usual, suffixed(usual, id)];
}

/** Returns the name of the network of the service names, if the host has it or a service of the run needs it. */
export function namesNetworkFor(
  host: NetworkUse,
  id: EnvironmentId,
  services: readonly Service[],
): string | undefined {
  const exists = host.networks.some((network) => isOurs(network, id) && isNamesNetwork(network));
  return exists || services.some(isNamedWhenHealthy) ? namesNetwork(host, id) : undefined;
}

/** Whether other services reach the container by the name of its service. */
export function hasName({ aliases = {} }: Pick<ContainerFacts, 'aliases'>, service: string): boolean {
  return Object.values(aliases).some((names) => names.includes(service));
}

/** The half of an IPv4 subnet that the engine chooses addresses from: `10.0.0.0/16` has `10.0.0.0/17`. */
export function lowerHalf(subnet: string): string {
  const [base = '', bits] = subnet.split('/');
  return `${base}/${Number(bits) + 1}`;
}

/**
 * Returns an address in the upper half of an IPv4 subnet for a container, which the engine never gives to another one: it depends on the
 * name, and is none of the `taken` ones. Returns undefined if all are.
 */
export function fixedAddress(
  subnet: string,
  container: string,
  taken: ReadonlySet<string>,
): string | undefined {
  const [base = '', bits] = subnet.split('/');
  const half = 2 ** (31 - Number(bits));
  const start = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + half;
  // The last address of the subnet is for broadcasts.
  const count = half - 1;
  const first = createHash('sha256').update(container).digest().readUInt32BE(0);
  for (let tries = 0; tries < count; tries++) {
    const address = dotted(start + ((first + tries) % count));
    if (!taken.has(address)) return address;
  }
  return undefined;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

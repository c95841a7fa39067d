import { type Region, region as regionName } from '../action.js';
import { fixedId } from './ids.js';

/** A part of the sandbox's /24. */
export interface Subnet {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly public: boolean;
  readonly cidr: string;
  /** First and last assignable last byte of an address, both included. */
  readonly first: number;
  readonly last: number;
}

/** Returns the ID of the VPC, which the sandbox's network represents. */
export function vpcId(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'vpc', 'vpc');
}

/**
 * Returns a public and a private subnet in each of two zones, at least a /27 as AWS load balancers need. Addresses up to
 * .60 are reserved for the sandbox's machines and registry.
 */
export function subnets(region: Pick<Region, 'network'>): readonly Subnet[] {
  const slices = [
    { name: 'public-a', from: 0, bits: 25, first: 61 },
    { name: 'public-b', from: 128, bits: 26, first: 132 },
    { name: 'private-a', from: 192, bits: 27, first: 196 },
    { name: 'private-b', from: 224, bits: 27, first: 228 },
  ];
  return slices.map(({ name, from, bits, first }) => ({
    id: fixedId(region, 'subnet', name),
    name,
    zone: `${regionName}${name.slice(-1)}`,
    public: name.startsWith('public'),
    cidr: `${region.network.prefix}${from}/${bits}`,
    first,
    last: from + 2 ** (32 - bits) - 2,
  }));
}

/** Returns the assignable last bytes of a subnet. */
export function lastBytes({ first, last }: Subnet): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Returns the names of the zones. */
export function zones(region: Pick<Region, 'network'>): readonly string[] {
  return [...new Set(subnets(region).map(({ zone }) => zone))];
}

/** Returns the zone ID: `us-east-1a` is `use1-az1`. */
export function zoneId(zone: string): string {
  return `use1-az${zone.charCodeAt(zone.length - 1) - 'a'.charCodeAt(0) + 1}`;
}

/** Returns the ID of the only image. */
export function imageId(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'ami', 'machine');
}

/** Returns the ID of an instance's root volume. */
export function volumeId(region: Pick<Region, 'network'>, instance: string): string {
  return fixedId(region, 'vol', instance);
}

import { type Region, region as regionName } from '../action.js';
import { fixedId } from './ids.js';

/** A slice of the sandbox's /24. */
export interface Subnet {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly public: boolean;
  readonly cidr: string;
  /** The last bytes of the addresses that instances and load balancers get, both included. */
  readonly first: number;
  readonly last: number;
}

/** The network that stands for the VPC. */
export function vpcId(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'vpc', 'vpc');
}

/**
 * The subnets: a public and a private one in two zones, none smaller than load balancers of AWS want (a /27). In the first
 * the addresses up to .60 belong to the sandbox's own machines and their registry.
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

/** The last bytes that a subnet has to give. */
export function lastBytes({ first, last }: Subnet): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The names of the zones. */
export function zones(region: Pick<Region, 'network'>): readonly string[] {
  return [...new Set(subnets(region).map(({ zone }) => zone))];
}

/** `us-east-1a` is `use1-az1`. */
export function zoneId(zone: string): string {
  return `use1-az${zone.charCodeAt(zone.length - 1) - 'a'.charCodeAt(0) + 1}`;
}

/** The one image that there is: that of the sandbox's machines. */
export function imageId(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'ami', 'machine');
}

/** The root volume of an instance. */
export function volumeId(region: Pick<Region, 'network'>, instance: string): string {
  return fixedId(region, 'vol', instance);
}

import type { DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult } from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region } from '../action.js';
import { type Interface, interfaces } from './documents.js';
import { groupsById } from './groups.js';
import { newId } from './ids.js';
import { lastBytes, type Subnet, subnets, vpcId } from './layout.js';
import { chosen, filtered, notFound, page } from './query.js';
import { tagsOf } from './tags.js';

/** The addresses that a subnet has left. */
export function freeAddresses(region: Region, subnet: Subnet): readonly string[] {
  const used = new Set(region.store.all(interfaces).map(({ address }) => address));
  return lastBytes(subnet)
    .map((last) => `${region.network.prefix}${last}`)
    .filter((address) => !used.has(address));
}

export function noAddress({ id }: Subnet): AwsError {
  return new AwsError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${id}' to satisfy the requested number of instances.`,
  );
}

/**
 * Takes a free address of a subnet. Between looking and taking nothing else runs; the promise is that of the store.
 * @throws AwsError InsufficientFreeAddressesInSubnet
 */
export function takeAddress(
  region: Region,
  subnet: Subnet,
  owner: Pick<Interface, 'groups' | 'description' | 'instance'>,
  wanted?: string,
): { readonly made: Interface; readonly kept: Promise<void> } {
  const free = freeAddresses(region, subnet);
  const address = wanted ?? free[0];
  if (address === undefined) throw noAddress(subnet);
  if (!free.includes(address))
    throw new AwsError(
      'InvalidIPAddress.InUse',
      `Address ${address} is in use, or not of the subnet '${subnet.id}'.`,
    );
  const made = { id: newId('eni'), address, subnet: subnet.id, ...owner };
  return { made, kept: region.store.put(interfaces, made.id, made) };
}

/** The interface of an instance. */
export function interfaceOf(region: Region, instance: string): Interface | undefined {
  return region.store.all(interfaces).find((it) => it.instance === instance);
}

export const describeNetworkInterfaces: Action<
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult
> = async (input, region) => {
  const all = region.store.all(interfaces).map((it) => shownInterface(region, it));
  const missing = notFound('InvalidNetworkInterfaceID.NotFound', 'networkInterface ID');
  const wanted = chosen(all, input.NetworkInterfaceIds, (it) => it.NetworkInterfaceId, missing);
  const matching = filtered(
    wanted,
    input.Filters,
    {
      'network-interface-id': (it) => [it.NetworkInterfaceId],
      'subnet-id': (it) => [it.SubnetId],
      'vpc-id': (it) => [it.VpcId],
      'group-id': (it) => it.Groups.map(({ GroupId }) => GroupId),
      'group-name': (it) => it.Groups.map(({ GroupName }) => GroupName),
      'private-ip-address': (it) => [it.PrivateIpAddress],
      'addresses.private-ip-address': (it) => [it.PrivateIpAddress],
      'availability-zone': (it) => [it.AvailabilityZone],
      'attachment.instance-id': (it) => [it.Attachment.InstanceId],
      'interface-type': (it) => [it.InterfaceType],
      'requester-managed': (it) => [String(it.RequesterManaged)],
      description: (it) => [it.Description],
      status: (it) => [it.Status],
    },
    (it) => it.TagSet,
  );
  const { shown, ...next } = page(matching, (it) => it.NetworkInterfaceId, input);
  return { NetworkInterfaces: [...shown], ...next };
};

/** An interface as DescribeNetworkInterfaces shows it. */
export function shownInterface(region: Region, it: Interface) {
  const balancer = it.instance === undefined;
  return {
    NetworkInterfaceId: it.id,
    SubnetId: it.subnet,
    VpcId: vpcId(region),
    AvailabilityZone: subnets(region).find(({ id }) => id === it.subnet)?.zone,
    Description: it.description,
    OwnerId: account,
    RequesterId: balancer ? 'amazon-elb' : undefined,
    RequesterManaged: balancer,
    Status: 'in-use' as const,
    InterfaceType: 'interface' as const,
    MacAddress: macOf(it.address),
    PrivateIpAddress: it.address,
    PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: it.address }],
    SourceDestCheck: true,
    Groups: groupsById(region, it.groups),
    Attachment: {
      AttachmentId: it.id.replace('eni-', 'eni-attach-'),
      DeleteOnTermination: !balancer,
      DeviceIndex: 0,
      InstanceId: it.instance,
      InstanceOwnerId: balancer ? 'amazon-elb' : account,
      Status: 'attached' as const,
    },
    TagSet: [...tagsOf(region, it.id)],
  };
}

/** As Docker makes it of an address. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

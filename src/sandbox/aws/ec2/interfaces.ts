import type { DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult } from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region } from '../action.js';
import { type Interface, interfaces } from './documents.js';
import { groupsById } from './groups.js';
import { newId } from './ids.js';
import { lastBytes, type Subnet, subnets, vpcId } from './layout.js';
import { applyFilters, notFound, paginate, selectByIds } from './query.js';
import { tagsOf } from './tags.js';

/** Returns the free addresses of a subnet. */
export function freeAddresses(region: Region, subnet: Subnet): readonly string[] {
  const used = new Set(region.store.all(interfaces).map(({ address }) => address));
  return lastBytes(subnet)
    .map((last) => `${region.network.prefix}${last}`)
    .filter((address) => !used.has(address));
}

/** The error for a subnet without free addresses. */
export function addressError({ id }: Subnet): AwsError {
  return new AwsError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${id}' to satisfy the requested number of instances.`,
  );
}

/**
 * Allocates a free address synchronously, so that concurrent calls get different ones; `stored` resolves once stored.
 * @throws AwsError `InsufficientFreeAddressesInSubnet`, or `InvalidIPAddress.InUse` for a requested address
 */
export function allocateAddress(
  region: Region,
  subnet: Subnet,
  owner: Pick<Interface, 'groups' | 'description' | 'instance'>,
  requested?: string,
): { readonly created: Interface; readonly stored: Promise<void> } {
  const free = freeAddresses(region, subnet);
  const address = requested ?? free[0];
  if (address === undefined) throw addressError(subnet);
  if (!free.includes(address))
    throw new AwsError(
      'InvalidIPAddress.InUse',
      `Address ${address} is in use or not in subnet '${subnet.id}'.`,
    );
  const created = { id: newId('eni'), address, subnet: subnet.id, ...owner };
  return { created, stored: region.store.put(interfaces, created.id, created) };
}

/** Returns the network interface of an instance. */
export function interfaceOf(region: Region, instance: string): Interface | undefined {
  return region.store.all(interfaces).find((it) => it.instance === instance);
}

export const describeNetworkInterfaces: Action<
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult
> = async (input, region) => {
  const all = region.store.all(interfaces).map((it) => interfaceResponse(region, it));
  const missing = notFound('InvalidNetworkInterfaceID.NotFound', 'networkInterface ID');
  const wanted = selectByIds(all, input.NetworkInterfaceIds, (it) => it.NetworkInterfaceId, missing);
  const matching = applyFilters(
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
  const { items, ...next } = paginate(matching, (it) => it.NetworkInterfaceId, input);
  return { NetworkInterfaces: [...items], ...next };
};

/** Returns an interface in the format of DescribeNetworkInterfaces. */
export function interfaceResponse(region: Region, it: Interface) {
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

/** Returns the MAC address that Docker derives from an address. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

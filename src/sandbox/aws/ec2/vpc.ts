import type {
  AvailabilityZone,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeRouteTablesRequest,
  DescribeRouteTablesResult,
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  RouteTable,
} from '@aws-sdk/client-ec2';
import { type Action, account, type Region, region as regionName } from '../action.js';
import { fixedId } from './ids.js';
import { freeAddresses } from './interfaces.js';
import { subnets, vpcId, zoneId, zones } from './layout.js';
import { applyFilters, notFound, paginate, selectByIds } from './query.js';
import { tagsOf } from './tags.js';

export const describeVpcs: Action<DescribeVpcsRequest, DescribeVpcsResult> = async (input, region) => {
  const vpc = {
    VpcId: vpcId(region),
    CidrBlock: `${region.network.prefix}0/24`,
    State: 'available' as const,
    IsDefault: true,
    InstanceTenancy: 'default' as const,
    OwnerId: account,
    DhcpOptionsId: 'default',
    Tags: [...tagsOf(region, vpcId(region))],
  };
  const wanted = selectByIds(
    [vpc],
    input.VpcIds,
    (it) => it.VpcId,
    notFound('InvalidVpcID.NotFound', 'vpc ID'),
  );
  const Vpcs = applyFilters(
    wanted,
    input.Filters,
    {
      'vpc-id': (it) => [it.VpcId],
      'is-default': (it) => [String(it.IsDefault)],
      isDefault: (it) => [String(it.IsDefault)],
      cidr: (it) => [it.CidrBlock],
      state: (it) => [it.State],
      'owner-id': (it) => [it.OwnerId],
    },
    (it) => it.Tags,
  );
  return { Vpcs: [...Vpcs] };
};

export const describeSubnets: Action<DescribeSubnetsRequest, DescribeSubnetsResult> = async (
  input,
  region,
) => {
  const all = subnets(region).map((it) => ({
    SubnetId: it.id,
    SubnetArn: `arn:aws:ec2:${regionName}:${account}:subnet/${it.id}`,
    VpcId: vpcId(region),
    CidrBlock: it.cidr,
    AvailabilityZone: it.zone,
    AvailabilityZoneId: zoneId(it.zone),
    AvailableIpAddressCount: freeAddresses(region, it).length,
    DefaultForAz: it.public,
    MapPublicIpOnLaunch: it.public,
    State: 'available' as const,
    OwnerId: account,
    Tags: [...tagsOf(region, it.id)],
  }));
  const wanted = selectByIds(
    all,
    input.SubnetIds,
    (it) => it.SubnetId,
    notFound('InvalidSubnetID.NotFound', 'subnet ID'),
  );
  const matching = applyFilters(
    wanted,
    input.Filters,
    {
      'subnet-id': (it) => [it.SubnetId],
      'vpc-id': (it) => [it.VpcId],
      'availability-zone': (it) => [it.AvailabilityZone],
      'availability-zone-id': (it) => [it.AvailabilityZoneId],
      'cidr-block': (it) => [it.CidrBlock],
      'default-for-az': (it) => [String(it.DefaultForAz)],
      'map-public-ip-on-launch': (it) => [String(it.MapPublicIpOnLaunch)],
      state: (it) => [it.State],
    },
    (it) => it.Tags,
  );
  const { items, ...next } = paginate(matching, (it) => it.SubnetId, input);
  return { Subnets: [...items], ...next };
};

/** Private subnets use the main table without an explicit association, as AWS recommends. */
export const describeRouteTables: Action<DescribeRouteTablesRequest, DescribeRouteTablesResult> = async (
  input,
  region,
) => {
  const localRoute = {
    DestinationCidrBlock: `${region.network.prefix}0/24`,
    GatewayId: 'local',
    Origin: 'CreateRouteTable' as const,
    State: 'active' as const,
  };
  const defaultRoute = { ...localRoute, DestinationCidrBlock: '0.0.0.0/0', Origin: 'CreateRoute' as const };
  const publicSubnets = subnets(region).filter((subnet) => subnet.public);
  const tables = [
    routeTable(
      region,
      'private',
      [localRoute, { ...defaultRoute, GatewayId: undefined, NatGatewayId: fixedId(region, 'nat', 'nat') }],
      [{ Main: true }],
    ),
    routeTable(
      region,
      'public',
      [localRoute, { ...defaultRoute, GatewayId: fixedId(region, 'igw', 'igw') }],
      publicSubnets.map(({ id }) => ({ Main: false, SubnetId: id })),
    ),
  ];
  const missing = notFound('InvalidRouteTableID.NotFound', 'routeTable ID');
  const wanted = selectByIds(tables, input.RouteTableIds, (it) => it.RouteTableId, missing);
  const associations = (it: RouteTable) => it.Associations ?? [];
  const matching = applyFilters(
    wanted,
    input.Filters,
    {
      'route-table-id': (it) => [it.RouteTableId],
      'vpc-id': (it) => [it.VpcId],
      'association.main': (it) => associations(it).map(({ Main }) => String(Main)),
      'association.subnet-id': (it) => associations(it).map(({ SubnetId }) => SubnetId),
      'association.route-table-id': (it) => [it.RouteTableId],
    },
    (it) => it.Tags,
  );
  const { items, ...next } = paginate(matching, (it) => it.RouteTableId, input);
  return { RouteTables: [...items], ...next };
};

function routeTable(
  region: Region,
  name: string,
  Routes: NonNullable<RouteTable['Routes']>,
  associations: readonly { readonly Main: boolean; readonly SubnetId?: string }[],
) {
  const RouteTableId = fixedId(region, 'rtb', name);
  return {
    RouteTableId,
    VpcId: vpcId(region),
    OwnerId: account,
    Routes,
    Associations: associations.map((association) => ({
      ...association,
      RouteTableId,
      RouteTableAssociationId: fixedId(region, 'rtbassoc', `${name}/${association.SubnetId}`),
      AssociationState: { State: 'associated' as const },
    })),
    Tags: [...tagsOf(region, RouteTableId)],
  };
}

export const describeAvailabilityZones: Action<
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult
> = async (input, region) => {
  const all: readonly AvailabilityZone[] = zones(region).map((ZoneName) => ({
    ...{ ZoneName, ZoneId: zoneId(ZoneName), RegionName: regionName, GroupName: regionName },
    ...{ State: 'available', OptInStatus: 'opt-in-not-required', ZoneType: 'availability-zone' },
    NetworkBorderGroup: regionName,
    Messages: [],
  }));
  const missing = notFound('InvalidParameterValue', 'availability zone');
  const named = selectByIds(all, input.ZoneNames, (it) => it.ZoneName, missing);
  const wanted = selectByIds(named, input.ZoneIds, (it) => it.ZoneId, missing);
  const matching = applyFilters(wanted, input.Filters, {
    'zone-name': (it) => [it.ZoneName],
    'zone-id': (it) => [it.ZoneId],
    'zone-type': (it) => [it.ZoneType],
    'region-name': (it) => [it.RegionName],
    'opt-in-status': (it) => [it.OptInStatus],
    state: (it) => [it.State],
  });
  return { AvailabilityZones: [...matching] };
};

import type {
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  DescribeInstancesRequest,
  DescribeInstancesResult,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  Instance as InstanceAnswer,
  _InstanceType as InstanceType,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region } from '../action.js';
import { visible } from '../faults/profile.js';
import { architecture, coresOf } from './catalog.js';
import { groupsById } from './groups.js';
import { type ObservedInstance, observeInstances, selectInstances, stateCodes } from './instances.js';
import { interfaceOf, interfaceResponse } from './interfaces.js';
import { subnets, volumeId, vpcId, zoneId } from './layout.js';
import { applyFilters, type Filters, notFound, paginate, selectByIds } from './query.js';
import { tagsOf } from './tags.js';

/** Returns an instance in EC2's format. The public address is the private one, which this machine can reach. */
export function instanceResponse(
  region: Region,
  { instance, state }: ObservedInstance,
): InstanceAnswer & { readonly InstanceId: string } {
  const nic = interfaceOf(region, instance.id);
  const zone = subnets(region).find(({ id }) => id === instance.subnet)?.zone;
  const address = state === 'terminated' ? undefined : nic?.address;
  const host = address?.replaceAll('.', '-');
  const publicAddress = instance.public && state !== 'stopped' ? address : undefined;
  return {
    InstanceId: instance.id,
    ImageId: instance.image,
    InstanceType: instance.type as InstanceType,
    KeyName: instance.key,
    AmiLaunchIndex: instance.index,
    LaunchTime: new Date(instance.launched),
    ClientToken: instance.token ?? '',
    State: { Code: stateCodes[state], Name: state },
    ...(instance.reason === undefined
      ? {}
      : {
          StateReason: { Code: instance.reason.code, Message: instance.reason.message },
          StateTransitionReason: `${instance.reason.message.replace(/^.*: /, '')} (${instance.since.replace('T', ' ').slice(0, 19)} GMT)`,
        }),
    Placement: { AvailabilityZone: zone, Tenancy: 'default' },
    Monitoring: { State: 'disabled' },
    Architecture: architecture,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    EbsOptimized: false,
    EnaSupport: true,
    CpuOptions: { CoreCount: coresOf(instance.type), ThreadsPerCore: 1 },
    PrivateDnsName: host === undefined ? '' : `ip-${host}.ec2.internal`,
    PublicDnsName: publicAddress === undefined ? '' : `ec2-${host}.compute-1.amazonaws.com`,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    SourceDestCheck: true,
    MetadataOptions: {
      ...{ State: 'applied', HttpTokens: instance.tokens, HttpPutResponseHopLimit: instance.hopLimit },
      HttpEndpoint: 'enabled',
    },
    Tags: [...tagsOf(region, instance.id)],
    ...(address === undefined || nic === undefined
      ? {}
      : {
          PrivateIpAddress: address,
          PublicIpAddress: publicAddress,
          SubnetId: instance.subnet,
          VpcId: vpcId(region),
          SecurityGroups: groupsById(region, nic.groups),
          NetworkInterfaces: [{ ...interfaceResponse(region, nic) }],
          BlockDeviceMappings: [
            {
              DeviceName: '/dev/xvda',
              Ebs: { VolumeId: volumeId(region, instance.id), Status: 'attached', DeleteOnTermination: true },
            },
          ],
        }),
  };
}

const instanceFilters = (region: Region): Filters<ObservedInstance> => ({
  'instance-id': ({ instance }) => [instance.id],
  'instance-state-name': ({ state }) => [state],
  'instance-state-code': ({ state }) => [String(stateCodes[state])],
  'instance-type': ({ instance }) => [instance.type],
  'image-id': ({ instance }) => [instance.image],
  'key-name': ({ instance }) => [instance.key],
  'client-token': ({ instance }) => [instance.token],
  'reservation-id': ({ instance }) => [instance.reservation],
  'launch-time': ({ instance }) => [instance.launched],
  'subnet-id': ({ instance, state }) => [state === 'terminated' ? undefined : instance.subnet],
  'vpc-id': ({ state }) => [state === 'terminated' ? undefined : vpcId(region)],
  'availability-zone': ({ instance }) => [subnets(region).find(({ id }) => id === instance.subnet)?.zone],
  'private-ip-address': ({ instance }) => [interfaceOf(region, instance.id)?.address],
  'ip-address': ({ instance }) => [instance.public ? interfaceOf(region, instance.id)?.address : undefined],
  'instance.group-id': ({ instance }) => interfaceOf(region, instance.id)?.groups ?? [],
  'instance.group-name': ({ instance }) =>
    groupsById(region, interfaceOf(region, instance.id)?.groups ?? []).map(({ GroupName }) => GroupName),
  'network-interface.network-interface-id': ({ instance }) => [interfaceOf(region, instance.id)?.id],
  'network-interface.group-id': ({ instance }) => interfaceOf(region, instance.id)?.groups ?? [],
  architecture: () => [architecture],
  'owner-id': () => [account],
});

/** May miss new instances. @throws AwsError as {@link selectInstances} */
async function visibleInstances(region: Region, ids: readonly string[] | undefined) {
  return selectInstances(
    visible(region, await observeInstances(region), ({ instance }) => instance),
    ids,
  );
}

/** Groups instances by reservation; page sizes count instances. */
export const describeInstances: Action<DescribeInstancesRequest, DescribeInstancesResult> = async (
  input,
  region,
) => {
  if (input.MaxResults !== undefined && (input.InstanceIds ?? []).length > 0)
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  const wanted = await visibleInstances(region, input.InstanceIds);
  const matching = applyFilters(wanted, input.Filters, instanceFilters(region), ({ instance }) =>
    tagsOf(region, instance.id),
  );
  const { items, ...next } = paginate(matching, ({ instance }) => instance.id, input);
  const reservations = [...new Set(items.map(({ instance }) => instance.reservation))];
  return {
    Reservations: reservations.map((reservation) => ({
      ReservationId: reservation,
      OwnerId: account,
      Groups: [],
      Instances: items
        .filter(({ instance }) => instance.reservation === reservation)
        .map((observed) => instanceResponse(region, observed)),
    })),
    ...next,
  };
};

/** Status checks pass as soon as an instance runs. */
export const describeInstanceStatus: Action<
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult
> = async (input, region) => {
  const wanted = await visibleInstances(region, input.InstanceIds);
  const listed = wanted.filter(({ state }) => input.IncludeAllInstances || state === 'running');
  const health = (state: string) => (state === 'running' ? 'ok' : 'not-applicable');
  const matching = applyFilters(
    listed,
    input.Filters,
    {
      ...instanceFilters(region),
      'instance-status.status': ({ state }) => [health(state)],
      'system-status.status': ({ state }) => [health(state)],
    },
    ({ instance }) => tagsOf(region, instance.id),
  );
  const { items, ...next } = paginate(matching, ({ instance }) => instance.id, input);
  return {
    InstanceStatuses: items.map(({ instance, state }) => {
      const zone = subnets(region).find(({ id }) => id === instance.subnet)?.zone;
      const passed =
        state === 'running' ? [{ Name: 'reachability' as const, Status: 'passed' as const }] : [];
      const summary = { Status: health(state), Details: passed } as const;
      return {
        InstanceId: instance.id,
        AvailabilityZone: zone,
        AvailabilityZoneId: zone === undefined ? undefined : zoneId(zone),
        InstanceState: { Code: stateCodes[state], Name: state },
        InstanceStatus: { ...summary, Details: [...passed] },
        SystemStatus: { ...summary, Details: [...passed] },
        Events: [],
      };
    }),
    ...next,
  };
};

/** Lists the root volumes of instances; there are no others. */
export const describeVolumes: Action<DescribeVolumesRequest, DescribeVolumesResult> = async (
  input,
  region,
) => {
  const all = (await observeInstances(region))
    .filter(({ state }) => state !== 'terminated')
    .map(({ instance }) => ({
      VolumeId: volumeId(region, instance.id),
      VolumeType: 'gp3' as const,
      Size: 8,
      State: 'in-use' as const,
      AvailabilityZone: subnets(region).find(({ id }) => id === instance.subnet)?.zone,
      CreateTime: new Date(instance.launched),
      Encrypted: false,
      Attachments: [
        {
          ...{ InstanceId: instance.id, Device: '/dev/xvda', State: 'attached' as const },
          ...{ VolumeId: volumeId(region, instance.id), DeleteOnTermination: true },
        },
      ],
      Tags: [...tagsOf(region, volumeId(region, instance.id))],
    }));
  const missing = notFound('InvalidVolume.NotFound', 'volume');
  const matching = applyFilters(
    selectByIds(all, input.VolumeIds, (it) => it.VolumeId, missing),
    input.Filters,
    {
      'volume-id': (it) => [it.VolumeId],
      'volume-type': (it) => [it.VolumeType],
      'availability-zone': (it) => [it.AvailabilityZone],
      'attachment.instance-id': (it) => it.Attachments.map(({ InstanceId }) => InstanceId),
      'attachment.delete-on-termination': () => ['true'],
      status: (it) => [it.State],
    },
    (it) => it.Tags,
  );
  const { items, ...next } = paginate(matching, (it) => it.VolumeId, input);
  return { Volumes: [...items], ...next };
};

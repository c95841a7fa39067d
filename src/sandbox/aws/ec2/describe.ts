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
import { found } from '../faults/profile.js';
import { architecture, coresOf } from './catalog.js';
import { groupsById } from './groups.js';
import { type Seen, seeInstances, selectInstances, stateCodes } from './instances.js';
import { interfaceOf, shownInterface } from './interfaces.js';
import { subnets, volumeId, vpcId, zoneId } from './layout.js';
import { chosen, type Facets, filtered, notFound, page } from './query.js';
import { tagsOf } from './tags.js';

/** An instance as all of EC2's answers show it. A public address is the private one: this machine has a route to it. */
export function shownInstance(
  region: Region,
  { it, state }: Seen,
): InstanceAnswer & { readonly InstanceId: string } {
  const own = interfaceOf(region, it.id);
  const zone = subnets(region).find(({ id }) => id === it.subnet)?.zone;
  const address = state === 'terminated' ? undefined : own?.address;
  const host = address?.replaceAll('.', '-');
  const open = it.public && state !== 'stopped' ? address : undefined;
  return {
    InstanceId: it.id,
    ImageId: it.image,
    InstanceType: it.type as InstanceType,
    KeyName: it.key,
    AmiLaunchIndex: it.index,
    LaunchTime: new Date(it.launched),
    ClientToken: it.token ?? '',
    State: { Code: stateCodes[state], Name: state },
    ...(it.reason === undefined
      ? {}
      : {
          StateReason: { Code: it.reason.code, Message: it.reason.message },
          StateTransitionReason: `${it.reason.message.replace(/^.*: /, '')} (${it.since.replace('T', ' ').slice(0, 19)} GMT)`,
        }),
    Placement: { AvailabilityZone: zone, Tenancy: 'default' },
    Monitoring: { State: 'disabled' },
    Architecture: architecture,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    EbsOptimized: false,
    EnaSupport: true,
    CpuOptions: { CoreCount: coresOf(it.type), ThreadsPerCore: 1 },
    PrivateDnsName: host === undefined ? '' : `ip-${host}.ec2.internal`,
    PublicDnsName: open === undefined ? '' : `ec2-${host}.compute-1.amazonaws.com`,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    SourceDestCheck: true,
    MetadataOptions: {
      ...{ State: 'applied', HttpTokens: it.tokens, HttpPutResponseHopLimit: it.hopLimit },
      HttpEndpoint: 'enabled',
    },
    Tags: [...tagsOf(region, it.id)],
    ...(address === undefined || own === undefined
      ? {}
      : {
          PrivateIpAddress: address,
          PublicIpAddress: open,
          SubnetId: it.subnet,
          VpcId: vpcId(region),
          SecurityGroups: groupsById(region, own.groups),
          NetworkInterfaces: [{ ...shownInterface(region, own) }],
          BlockDeviceMappings: [
            {
              DeviceName: '/dev/xvda',
              Ebs: { VolumeId: volumeId(region, it.id), Status: 'attached', DeleteOnTermination: true },
            },
          ],
        }),
  };
}

const instanceFacets = (region: Region): Facets<Seen> => ({
  'instance-id': ({ it }) => [it.id],
  'instance-state-name': ({ state }) => [state],
  'instance-state-code': ({ state }) => [String(stateCodes[state])],
  'instance-type': ({ it }) => [it.type],
  'image-id': ({ it }) => [it.image],
  'key-name': ({ it }) => [it.key],
  'client-token': ({ it }) => [it.token],
  'reservation-id': ({ it }) => [it.reservation],
  'launch-time': ({ it }) => [it.launched],
  'subnet-id': ({ it, state }) => [state === 'terminated' ? undefined : it.subnet],
  'vpc-id': ({ state }) => [state === 'terminated' ? undefined : vpcId(region)],
  'availability-zone': ({ it }) => [subnets(region).find(({ id }) => id === it.subnet)?.zone],
  'private-ip-address': ({ it }) => [interfaceOf(region, it.id)?.address],
  'ip-address': ({ it }) => [it.public ? interfaceOf(region, it.id)?.address : undefined],
  'instance.group-id': ({ it }) => interfaceOf(region, it.id)?.groups ?? [],
  'instance.group-name': ({ it }) =>
    groupsById(region, interfaceOf(region, it.id)?.groups ?? []).map(({ GroupName }) => GroupName),
  'network-interface.network-interface-id': ({ it }) => [interfaceOf(region, it.id)?.id],
  'network-interface.group-id': ({ it }) => interfaceOf(region, it.id)?.groups ?? [],
  architecture: () => [architecture],
  'owner-id': () => [account],
});

/** A new one may not be among them yet. @throws AwsError as {@link selectInstances} */
async function foundInstances(region: Region, ids: readonly string[] | undefined) {
  return selectInstances(
    found(region, await seeInstances(region), ({ it }) => it),
    ids,
  );
}

/** Instances by their reservations. A page counts instances. */
export const describeInstances: Action<DescribeInstancesRequest, DescribeInstancesResult> = async (
  input,
  region,
) => {
  if (input.MaxResults !== undefined && (input.InstanceIds ?? []).length > 0)
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  const wanted = await foundInstances(region, input.InstanceIds);
  const matching = filtered(wanted, input.Filters, instanceFacets(region), ({ it }) => tagsOf(region, it.id));
  const { shown, ...next } = page(matching, ({ it }) => it.id, input);
  const reservations = [...new Set(shown.map(({ it }) => it.reservation))];
  return {
    Reservations: reservations.map((reservation) => ({
      ReservationId: reservation,
      OwnerId: account,
      Groups: [],
      Instances: shown
        .filter(({ it }) => it.reservation === reservation)
        .map((seen) => shownInstance(region, seen)),
    })),
    ...next,
  };
};

/** Checks of a running instance pass at once; others are shown only when they are asked for. */
export const describeInstanceStatus: Action<
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult
> = async (input, region) => {
  const wanted = await foundInstances(region, input.InstanceIds);
  const listed = wanted.filter(({ state }) => input.IncludeAllInstances || state === 'running');
  const health = (state: string) => (state === 'running' ? 'ok' : 'not-applicable');
  const matching = filtered(
    listed,
    input.Filters,
    {
      ...instanceFacets(region),
      'instance-status.status': ({ state }) => [health(state)],
      'system-status.status': ({ state }) => [health(state)],
    },
    ({ it }) => tagsOf(region, it.id),
  );
  const { shown, ...next } = page(matching, ({ it }) => it.id, input);
  return {
    InstanceStatuses: shown.map(({ it, state }) => {
      const zone = subnets(region).find(({ id }) => id === it.subnet)?.zone;
      const passed =
        state === 'running' ? [{ Name: 'reachability' as const, Status: 'passed' as const }] : [];
      const summary = { Status: health(state), Details: passed } as const;
      return {
        InstanceId: it.id,
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

/** The root volumes of instances; there are no others. */
export const describeVolumes: Action<DescribeVolumesRequest, DescribeVolumesResult> = async (
  input,
  region,
) => {
  const all = (await seeInstances(region))
    .filter(({ state }) => state !== 'terminated')
    .map(({ it }) => ({
      VolumeId: volumeId(region, it.id),
      VolumeType: 'gp3' as const,
      Size: 8,
      State: 'in-use' as const,
      AvailabilityZone: subnets(region).find(({ id }) => id === it.subnet)?.zone,
      CreateTime: new Date(it.launched),
      Encrypted: false,
      Attachments: [
        {
          ...{ InstanceId: it.id, Device: '/dev/xvda', State: 'attached' as const },
          ...{ VolumeId: volumeId(region, it.id), DeleteOnTermination: true },
        },
      ],
      Tags: [...tagsOf(region, volumeId(region, it.id))],
    }));
  const missing = notFound('InvalidVolume.NotFound', 'volume');
  const matching = filtered(
    chosen(all, input.VolumeIds, (it) => it.VolumeId, missing),
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
  const { shown, ...next } = page(matching, (it) => it.VolumeId, input);
  return { Volumes: [...shown], ...next };
};

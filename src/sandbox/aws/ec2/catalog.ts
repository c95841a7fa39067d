import type {
  ArchitectureType,
  DescribeImagesRequest,
  DescribeImagesResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  _InstanceType as InstanceType,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region } from '../action.js';
import { imageId } from './layout.js';
import { applyFilters, notFound, paginate, selectByIds } from './query.js';
import { tagsOf } from './tags.js';

/** The architecture of this machine, and so of all instances. */
export const architecture: ArchitectureType = process.arch === 'arm64' ? 'arm64' : 'x86_64';

/**
 * Resolves an image ID, or any public SSM parameter, to the only image.
 * @throws AwsError `InvalidAMIID.NotFound`
 */
export function imageFor(region: Region, requested: string | undefined): string {
  if (requested === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter ImageId');
  if (requested !== imageId(region) && !requested.startsWith('resolve:ssm:/aws/service/'))
    throw new AwsError('InvalidAMIID.NotFound', `The image id '[${requested}]' does not exist`);
  return imageId(region);
}

export const describeImages: Action<DescribeImagesRequest, DescribeImagesResult> = async (input, region) => {
  const image = {
    ImageId: imageId(region),
    Name: 'oneclick-sandbox',
    Description: 'Debian with sshd and Docker',
    Architecture: architecture,
    CreationDate: '2026-01-01T00:00:00.000Z',
    ImageLocation: 'amazon/oneclick-sandbox',
    ImageOwnerAlias: 'amazon',
    ImageType: 'machine' as const,
    OwnerId: account,
    Public: true,
    State: 'available' as const,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs' as const,
    VirtualizationType: 'hvm' as const,
    Hypervisor: 'xen' as const,
    EnaSupport: true,
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeSize: 8, VolumeType: 'gp3' as const, DeleteOnTermination: true },
      },
    ],
    Tags: [...tagsOf(region, imageId(region))],
  };
  const owners = input.Owners ?? [];
  const owned =
    owners.length === 0 || owners.some((owner) => ['self', 'amazon', account].includes(owner)) ? [image] : [];
  const missing = (id: string) =>
    new AwsError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  const matching = applyFilters(
    selectByIds(owned, input.ImageIds, (it) => it.ImageId, missing),
    input.Filters,
    {
      'image-id': (it) => [it.ImageId],
      name: (it) => [it.Name],
      architecture: (it) => [it.Architecture],
      'owner-alias': (it) => [it.ImageOwnerAlias],
      'owner-id': (it) => [it.OwnerId],
      'root-device-type': (it) => [it.RootDeviceType],
      'virtualization-type': (it) => [it.VirtualizationType],
      'image-type': (it) => [it.ImageType],
      'is-public': (it) => [String(it.Public)],
      state: (it) => [it.State],
    },
    (it) => it.Tags,
  );
  return { Images: [...matching] };
};

/** Cores, and memory in MiB; not enforced on containers. */
const types: Readonly<Record<string, readonly [cores: number, memory: number]>> = {
  't3.nano': [2, 512],
  't3.micro': [2, 1024],
  't3.small': [2, 2048],
  't3.medium': [2, 4096],
  't3.large': [2, 8192],
  't4g.nano': [2, 512],
  't4g.micro': [2, 1024],
  't4g.small': [2, 2048],
  't4g.medium': [2, 4096],
  'm6i.large': [2, 8192],
  'm6i.xlarge': [4, 16384],
  'm7g.large': [2, 8192],
  'c6i.large': [2, 4096],
  'c7g.large': [2, 4096],
};

/** The instance type of requests without one. */
export const defaultType = architecture === 'arm64' ? 't4g.small' : 't3.small';

const architectureOf = (type: string): ArchitectureType => (/^\w+\dg\./.test(type) ? 'arm64' : 'x86_64');

/** Returns the requested or the default type. @throws AwsError if it is unknown or cannot run the image */
export function typeFor(requested: string | undefined): string {
  const type = requested ?? defaultType;
  if (!Object.hasOwn(types, type))
    throw new AwsError('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`);
  if (architectureOf(type) !== architecture)
    throw new AwsError(
      'InvalidParameterValue',
      `The architecture '${architectureOf(type)}' of the specified instance type does not match the architecture '${architecture}' of the specified AMI.`,
    );
  return type;
}

/** Returns the number of cores of a type. */
export function coresOf(type: string): number {
  return types[type]?.[0] ?? 0;
}

export const describeInstanceTypes: Action<
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult
> = async (input, _region) => {
  const all = Object.entries(types).map(([type, [cores, memory]]) => ({
    InstanceType: type as InstanceType,
    CurrentGeneration: true,
    FreeTierEligible: type === 't3.micro',
    SupportedUsageClasses: ['on-demand' as const],
    SupportedRootDeviceTypes: ['ebs' as const],
    SupportedVirtualizationTypes: ['hvm' as const],
    BareMetal: false,
    Hypervisor: 'nitro' as const,
    ProcessorInfo: { SupportedArchitectures: [architectureOf(type)] },
    VCpuInfo: { DefaultVCpus: cores, DefaultCores: cores, DefaultThreadsPerCore: 1 },
    MemoryInfo: { SizeInMiB: memory },
    BurstablePerformanceSupported: type.startsWith('t'),
  }));
  const missing = notFound('InvalidInstanceType', 'instance type');
  const matching = applyFilters(
    selectByIds(all, input.InstanceTypes, (it) => it.InstanceType, missing),
    input.Filters,
    {
      'instance-type': (it) => [it.InstanceType],
      'current-generation': (it) => [String(it.CurrentGeneration)],
      'processor-info.supported-architecture': (it) => it.ProcessorInfo.SupportedArchitectures,
      'vcpu-info.default-vcpus': (it) => [String(it.VCpuInfo.DefaultVCpus)],
      'memory-info.size-in-mib': (it) => [String(it.MemoryInfo.SizeInMiB)],
      'bare-metal': (it) => [String(it.BareMetal)],
      hypervisor: (it) => [it.Hypervisor],
    },
  );
  const { items, ...next } = paginate(matching, (it) => it.InstanceType, input);
  return { InstanceTypes: [...items], ...next };
};

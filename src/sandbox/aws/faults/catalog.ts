import type { DeleteSecurityGroupRequest, RunInstancesRequest } from '@aws-sdk/client-ec2';
import type { DeleteTargetGroupInput } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Region } from '../action.js';
import { defaultType } from '../ec2/catalog.js';
import { subnets } from '../ec2/layout.js';
import type { Call } from '../wire.js';

/** A simulated AWS failure. */
interface Fault {
  readonly summary: string;
  /** Actions that it can affect. `changes`: any action if named explicitly, else all that change something. */
  readonly affects: readonly string[] | 'any' | 'changes';
  /** The error to respond with; without it the action runs and simulates the fault. */
  readonly error?: (call: Call, region: Region) => AwsError;
}

/**
 * All faults. EC2 codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. Throttling of
 * load balancing: https://github.com/ansible-collections/community.aws/issues/444.
 */
export const faults = {
  capacity: {
    summary: 'RunInstances has no capacity (InsufficientInstanceCapacity, HTTP 500)',
    affects: ['RunInstances'],
    error: ({ input }, region) => capacityError(input, region),
  },
  quota: {
    summary: 'RunInstances exceeds the vCPU quota (VcpuLimitExceeded)',
    affects: ['RunInstances'],
    error: () =>
      new AwsError(
        'VcpuLimitExceeded',
        'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
      ),
  },
  throttle: {
    summary: 'a call is throttled (RequestLimitExceeded; load balancing: Throttling)',
    affects: 'any',
    error: ({ protocol }) =>
      protocol === 'ec2Query'
        ? new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503)
        : new AwsError('Throttling', 'Rate exceeded'),
  },
  'lost-response': {
    summary: 'the change is made, but the connection is cut before the response',
    affects: 'changes',
  },
  'dies-pending': {
    summary: 'a pending instance is terminated (Server.InternalError)',
    affects: ['RunInstances'],
  },
  late: {
    summary: 'about half of the Describe calls do not find a new ID for some seconds',
    affects: ['RunInstances', 'CreateSecurityGroup'],
  },
  leak: {
    summary: 'a deregistered target gets new requests for 1 or 2 seconds',
    affects: ['DeregisterTargets'],
  },
  dependency: {
    summary: 'something still refers to the security group (DependencyViolation)',
    affects: ['DeleteSecurityGroup'],
    error: ({ input }) => dependencyError(input),
  },
  'in-use': {
    summary: 'something still forwards to the target group (ResourceInUse)',
    affects: ['DeleteTargetGroup'],
    error: ({ input }) => inUseError(input),
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;

/** Fault names in display order. */
export const faultNames = Object.keys(faults) as readonly FaultName[];

/** Returns the fault with this name. */
export function faultByName(name: FaultName): Fault {
  return faults[name];
}

function capacityError(input: Partial<RunInstancesRequest>, region: Region): AwsError {
  const requested = input.NetworkInterfaces?.[0]?.SubnetId ?? input.SubnetId;
  const subnet = subnets(region).find(({ id }) => id === requested) ?? subnets(region)[0];
  const type = input.InstanceType ?? defaultType;
  return new AwsError(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${subnet?.zone}). Our system will be working on provisioning additional capacity.`,
    500,
  );
}

/** The error of DeleteSecurityGroup while something refers to the group. */
export function dependencyError({ GroupId, GroupName }: DeleteSecurityGroupRequest): AwsError {
  return new AwsError('DependencyViolation', `resource ${GroupId ?? GroupName} has a dependent object`);
}

/** The error of DeleteTargetGroup while something forwards to the group. */
export function inUseError({ TargetGroupArn }: Partial<DeleteTargetGroupInput>): AwsError {
  return new AwsError(
    'ResourceInUse',
    `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
  );
}

import type { DeleteSecurityGroupRequest, RunInstancesRequest } from '@aws-sdk/client-ec2';
import type { DeleteTargetGroupInput } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Region } from '../action.js';
import { defaultType } from '../ec2/catalog.js';
import { subnets } from '../ec2/layout.js';
import type { Call } from '../wire.js';

/** Something that goes wrong with AWS, and that can be switched on. */
interface Fault {
  readonly summary: string;
  /**
   * The actions that it can strike. `any`: all of them. `changes`: all of them where one is named, else those that do more than
   * to look.
   */
  readonly strikes: readonly string[] | 'any' | 'changes';
  /** What is answered instead; without it the call is carried out, and the fault shows in what comes of it. */
  readonly refusal?: (call: Call, region: Region) => AwsError;
}

/**
 * All of them. Codes of EC2: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html; what load balancing says when it
 * throttles: https://github.com/ansible-collections/community.aws/issues/444.
 */
export const faults = {
  capacity: {
    summary: 'RunInstances has no capacity (InsufficientInstanceCapacity, HTTP 500)',
    strikes: ['RunInstances'],
    refusal: ({ input }, region) => noCapacity(input, region),
  },
  quota: {
    summary: 'RunInstances exceeds the account (VcpuLimitExceeded)',
    strikes: ['RunInstances'],
    refusal: () =>
      new AwsError(
        'VcpuLimitExceeded',
        'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
      ),
  },
  throttle: {
    summary: 'a call is one too many (RequestLimitExceeded, of load balancing Throttling)',
    strikes: 'any',
    refusal: ({ protocol }) =>
      protocol === 'ec2Query'
        ? new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503)
        : new AwsError('Throttling', 'Rate exceeded'),
  },
  'lost-response': {
    summary: 'a change is made, and the connection cut before the answer',
    strikes: 'changes',
  },
  'dies-pending': {
    summary: 'an instance ends while it is pending (Server.InternalError)',
    strikes: ['RunInstances'],
  },
  late: {
    summary: 'the new ID is NotFound for some seconds, by about every second Describe',
    strikes: ['RunInstances', 'CreateSecurityGroup'],
  },
  leak: {
    summary: 'the deregistered target gets new requests for a second or two',
    strikes: ['DeregisterTargets'],
  },
  dependency: {
    summary: 'something still refers to the security group (DependencyViolation)',
    strikes: ['DeleteSecurityGroup'],
    refusal: ({ input }) => dependent(input),
  },
  'in-use': {
    summary: 'something still forwards to the target group (ResourceInUse)',
    strikes: ['DeleteTargetGroup'],
    refusal: ({ input }) => inUse(input),
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;

/** Their names, in the order in which they are shown. */
export const faultNames = Object.keys(faults) as readonly FaultName[];

/** The fault, as every fault is. */
export function faultNamed(name: FaultName): Fault {
  return faults[name];
}

function noCapacity(input: Partial<RunInstancesRequest>, region: Region): AwsError {
  const asked = input.NetworkInterfaces?.[0]?.SubnetId ?? input.SubnetId;
  const subnet = subnets(region).find(({ id }) => id === asked) ?? subnets(region)[0];
  const type = input.InstanceType ?? defaultType;
  return new AwsError(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${subnet?.zone}). Our system will be working on provisioning additional capacity.`,
    500,
  );
}

/** What DeleteSecurityGroup answers as long as something refers to the group. */
export function dependent({ GroupId, GroupName }: DeleteSecurityGroupRequest): AwsError {
  return new AwsError('DependencyViolation', `resource ${GroupId ?? GroupName} has a dependent object`);
}

/** What DeleteTargetGroup answers as long as something forwards to the group. */
export function inUse({ TargetGroupArn }: Partial<DeleteTargetGroupInput>): AwsError {
  return new AwsError(
    'ResourceInUse',
    `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
  );
}

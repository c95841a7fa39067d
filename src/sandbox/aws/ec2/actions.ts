import type { Actions } from '../wire.js';
import { describeInstanceAttribute, getConsoleOutput, modifyInstanceAttribute } from './attributes.js';
import { describeImages, describeInstanceTypes } from './catalog.js';
import { describeInstanceStatus, describeInstances, describeVolumes } from './describe.js';
import { createSecurityGroup, deleteSecurityGroup, describeSecurityGroups } from './groups.js';
import { describeNetworkInterfaces } from './interfaces.js';
import { createKeyPair, deleteKeyPair, describeKeyPairs, importKeyPair } from './keys.js';
import { rebootInstances, startInstances, stopInstances, terminateInstances } from './power.js';
import { authorize, describeSecurityGroupRules, revoke } from './rules.js';
import { runInstances } from './run.js';
import { createTags, deleteTags, describeTags } from './tags.js';
import { describeAvailabilityZones, describeRouteTables, describeSubnets, describeVpcs } from './vpc.js';

/** The EC2 actions of the endpoint. */
export const ec2Actions: Actions = {
  AuthorizeSecurityGroupEgress: authorize(true),
  AuthorizeSecurityGroupIngress: authorize(false),
  CreateKeyPair: createKeyPair,
  CreateSecurityGroup: createSecurityGroup,
  CreateTags: createTags,
  DeleteKeyPair: deleteKeyPair,
  DeleteSecurityGroup: deleteSecurityGroup,
  DeleteTags: deleteTags,
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeImages: describeImages,
  DescribeInstanceAttribute: describeInstanceAttribute,
  DescribeInstanceStatus: describeInstanceStatus,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeInstances: describeInstances,
  DescribeKeyPairs: describeKeyPairs,
  DescribeNetworkInterfaces: describeNetworkInterfaces,
  DescribeRouteTables: describeRouteTables,
  DescribeSecurityGroupRules: describeSecurityGroupRules,
  DescribeSecurityGroups: describeSecurityGroups,
  DescribeSubnets: describeSubnets,
  DescribeTags: describeTags,
  DescribeVolumes: describeVolumes,
  DescribeVpcs: describeVpcs,
  GetConsoleOutput: getConsoleOutput,
  ImportKeyPair: importKeyPair,
  ModifyInstanceAttribute: modifyInstanceAttribute,
  RebootInstances: rebootInstances,
  RevokeSecurityGroupEgress: revoke(true),
  RevokeSecurityGroupIngress: revoke(false),
  RunInstances: runInstances,
  StartInstances: startInstances,
  StopInstances: stopInstances,
  TerminateInstances: terminateInstances,
};

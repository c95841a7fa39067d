import type { ResourceType } from '@aws-sdk/client-ec2';
import { AwsError, type Region } from '../action.js';
import { groups, instances, interfaces, keyPairs } from './documents.js';
import { fixedId } from './ids.js';
import { imageId, subnets, volumeId, vpcId } from './layout.js';

interface ResourceKind {
  readonly type: ResourceType;
  readonly missing: string;
  readonly exists: (region: Region, id: string) => boolean;
}

/** Taggable resources by ID prefix. */
const kinds: Readonly<Record<string, ResourceKind>> = {
  i: {
    ...{ type: 'instance', missing: 'InvalidInstanceID.NotFound' },
    exists: (region, id) => region.store.get(instances, id) !== undefined,
  },
  sg: {
    ...{ type: 'security-group', missing: 'InvalidGroup.NotFound' },
    exists: (region, id) => region.store.get(groups, id) !== undefined,
  },
  key: {
    ...{ type: 'key-pair', missing: 'InvalidKeyPair.NotFound' },
    exists: (region, id) => region.store.get(keyPairs, id) !== undefined,
  },
  eni: {
    ...{ type: 'network-interface', missing: 'InvalidNetworkInterfaceID.NotFound' },
    exists: (region, id) => region.store.get(interfaces, id) !== undefined,
  },
  vol: {
    ...{ type: 'volume', missing: 'InvalidVolume.NotFound' },
    exists: (region, id) =>
      region.store.all(instances).some((instance) => volumeId(region, instance.id) === id),
  },
  ami: {
    ...{ type: 'image', missing: 'InvalidAMIID.NotFound' },
    exists: (region, id) => imageId(region) === id,
  },
  vpc: {
    ...{ type: 'vpc', missing: 'InvalidVpcID.NotFound' },
    exists: (region, id) => vpcId(region) === id,
  },
  subnet: {
    ...{ type: 'subnet', missing: 'InvalidSubnetID.NotFound' },
    exists: (region, id) => subnets(region).some((it) => it.id === id),
  },
  rtb: {
    ...{ type: 'route-table', missing: 'InvalidRouteTableID.NotFound' },
    exists: (region, id) => ['public', 'private'].some((name) => fixedId(region, 'rtb', name) === id),
  },
};

function kindOf(id: string): ResourceKind | undefined {
  const prefix = id.split('-')[0] ?? '';
  return Object.hasOwn(kinds, prefix) ? kinds[prefix] : undefined;
}

/** @throws AwsError `….NotFound`, or `InvalidID` if no taggable resource has such an ID */
export function requireResource(region: Region, id: string): void {
  const kind = kindOf(id);
  if (kind === undefined) throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  if (!kind.exists(region, id))
    throw new AwsError(kind.missing, `The ${kind.type} ID '${id}' does not exist`);
}

/** Returns the resource type of an ID. */
export function resourceType(id: string): ResourceType | undefined {
  return kindOf(id)?.type;
}

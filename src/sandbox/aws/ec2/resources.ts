import type { ResourceType } from '@aws-sdk/client-ec2';
import { AwsError, type Region } from '../action.js';
import { groups, instances, interfaces, keyPairs } from './documents.js';
import { fixedId } from './ids.js';
import { imageId, subnets, volumeId, vpcId } from './layout.js';

interface Sort {
  readonly type: ResourceType;
  readonly missing: string;
  readonly exists: (region: Region, id: string) => boolean;
}

/** What can be tagged, by the first part of its ID. */
const sorts: Readonly<Record<string, Sort>> = {
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
    exists: (region, id) => region.store.all(instances).some((it) => volumeId(region, it.id) === id),
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

function sortOf(id: string): Sort | undefined {
  const prefix = id.split('-')[0] ?? '';
  return Object.hasOwn(sorts, prefix) ? sorts[prefix] : undefined;
}

/** @throws AwsError `….NotFound`, or InvalidID for an ID of nothing that can be tagged */
export function mustExist(region: Region, id: string): void {
  const sort = sortOf(id);
  if (sort === undefined) throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  if (!sort.exists(region, id))
    throw new AwsError(sort.missing, `The ${sort.type} ID '${id}' does not exist`);
}

/** What sort of resource an ID is of. */
export function typeOf(id: string): ResourceType | undefined {
  return sortOf(id)?.type;
}

import { createHash } from 'node:crypto';
import type { Reservation, RunInstancesRequest } from '@aws-sdk/client-ec2';
import { createMachine, removeMachine } from '../../machine.js';
import { address } from '../../network.js';
import { type Action, AwsError, account, type CallFaults, type Region } from '../action.js';
import { drawSeconds, hiddenUntil, isRealistic } from '../faults/profile.js';
import { imageFor, typeFor } from './catalog.js';
import { instanceResponse } from './describe.js';
import { type Delays, type Instance, instances, keyPairs } from './documents.js';
import { defaultGroup, findGroup } from './groups.js';
import { newId } from './ids.js';
import { machineOf, releaseInterface, updateInstance } from './instances.js';
import { addressError, allocateAddress, freeAddresses } from './interfaces.js';
import { findKeyPair } from './keys.js';
import { type Subnet, subnets, volumeId } from './layout.js';
import { addTags, tagsFor } from './tags.js';

/**
 * Starts instances, each a machine with its own engine. Responds while they are `pending`. A repeated ClientToken
 * returns the same instances in any state.
 */
export const runInstances: Action<RunInstancesRequest, Reservation> = async (input, region, faults) => {
  const existing = instancesForToken(region, input);
  if (existing !== undefined) return reservationFor(region, existing);
  const wanted = template(region, input);
  const tags = {
    instance: tagsFor(input.TagSpecifications, 'instance', ['volume', 'network-interface']),
    volume: tagsFor(input.TagSpecifications, 'volume', ['instance', 'network-interface']),
    interface: tagsFor(input.TagSpecifications, 'network-interface', ['instance', 'volume']),
  };
  const created = Array.from({ length: instanceCount(region, input, wanted.subnet) }, (_, index) => {
    const id = newId('i');
    const owner = { groups: wanted.groups, description: wanted.description, instance: id };
    const { created: nic, stored } = allocateAddress(region, wanted.subnet, owner, wanted.address);
    const instance: Instance = {
      ...{ ...wanted.instance, id, index, name: `ip-${nic.address.replaceAll('.', '-')}` },
      ...startupOptions(region, faults),
    };
    const writes = [
      ...[stored, region.store.put(instances, id, instance), addTags(region, id, tags.instance)],
      ...[addTags(region, volumeId(region, id), tags.volume), addTags(region, nic.id, tags.interface)],
    ];
    return { instance, writes };
  });
  await Promise.all(created.flatMap(({ writes }) => writes));
  for (const { instance } of created) void launch(region, instance);
  return reservationFor(
    region,
    created.map(({ instance }) => instance),
  );
};

/** Protects this machine: every instance is a real container. */
const maxInstances = 32;

/** Simulated delays and faults of a new instance. */
function startupOptions(
  region: Region,
  faults: CallFaults,
): Pick<Instance, 'hiddenUntil' | 'delays' | 'doomed'> {
  const slow = isRealistic(region);
  const draw = (name: keyof Delays) => drawSeconds(region, name);
  return {
    ...hiddenUntil(region, faults),
    ...(slow
      ? { delays: { pending: draw('pending'), sshd: draw('sshd'), key: draw('key'), engine: draw('engine') } }
      : {}),
    ...(faults.has('dies-pending') ? { doomed: true } : {}),
  };
}

function instancesForToken(region: Region, input: RunInstancesRequest): readonly Instance[] | undefined {
  if (input.ClientToken === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,64}$/.test(input.ClientToken))
    throw new AwsError('InvalidParameterValue', 'The client token must have at most 64 ASCII characters');
  const created = region.store.all(instances).filter((instance) => instance.token === input.ClientToken);
  if (created.length === 0) return undefined;
  if (created.some((instance) => instance.request !== requestDigest(input)))
    throw new AwsError(
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    );
  return created;
}

function requestDigest(input: RunInstancesRequest): string {
  return createHash('sha256').update(JSON.stringify(input)).digest('hex');
}

function reservationFor(region: Region, created: readonly Instance[]): Reservation {
  return {
    ReservationId: created[0]?.reservation,
    OwnerId: account,
    Groups: [],
    Instances: created.map((instance) => {
      const state = instance.goal === 'running' ? 'pending' : instance.goal;
      const current = region.store.get(instances, instance.id) ?? instance;
      return instanceResponse(region, { instance: current, state });
    }),
  };
}

/** Returns the settings that all instances of a request share. @throws AwsError if the request is invalid */
function template(region: Region, input: RunInstancesRequest) {
  const [nic, ...more] = input.NetworkInterfaces ?? [];
  if (more.length > 0 || nic?.NetworkInterfaceId !== undefined)
    throw new AwsError(
      'UnsupportedOperation',
      'An instance of the sandbox has exactly one new network interface',
    );
  if (input.LaunchTemplate !== undefined || (input.BlockDeviceMappings ?? []).some((it) => it.VirtualName))
    throw new AwsError(
      'UnsupportedOperation',
      'The sandbox supports neither launch templates nor instance stores',
    );
  if (nic !== undefined && (input.SubnetId ?? input.SecurityGroupIds ?? input.SecurityGroups) !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request',
    );
  const subnet = subnetFor(region, nic?.SubnetId ?? input.SubnetId, input.Placement?.AvailabilityZone);
  const now = region.context.clock.now().toISOString();
  const instance: Omit<Instance, 'id' | 'index' | 'name'> = {
    ...{ own: false, reservation: newId('r'), image: imageFor(region, input.ImageId), subnet: subnet.id },
    ...{ type: typeFor(input.InstanceType), launched: now, goal: 'running', since: now },
    key: input.KeyName === undefined ? undefined : findKeyPair(region, input.KeyName).name,
    userData: userDataOf(input),
    public: nic?.AssociatePublicIpAddress ?? subnet.public,
    ...{ token: input.ClientToken, request: requestDigest(input) },
    protected: { termination: input.DisableApiTermination ?? false, stop: input.DisableApiStop ?? false },
    shutdown: input.InstanceInitiatedShutdownBehavior ?? 'stop',
    hopLimit: input.MetadataOptions?.HttpPutResponseHopLimit ?? 2,
    tokens: input.MetadataOptions?.HttpTokens ?? 'required',
  };
  const named = [
    ...(nic?.Groups ?? input.SecurityGroupIds ?? []).map((id) => findGroup(region, { id }).id),
    ...(input.SecurityGroups ?? []).map((name) => findGroup(region, { name }).id),
  ];
  const groups = named.length === 0 ? [defaultGroup(region)] : [...new Set(named)];
  const address = nic?.PrivateIpAddress ?? input.PrivateIpAddress;
  return { instance, subnet, groups, address, description: nic?.Description ?? '' };
}

function subnetFor(region: Region, id: string | undefined, zone: string | undefined): Subnet {
  const all = subnets(region);
  const found = all.find((it) =>
    id === undefined ? it.public && it.zone === (zone ?? it.zone) : it.id === id,
  );
  if (found === undefined && id !== undefined)
    throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  if (found === undefined || (zone !== undefined && found.zone !== zone))
    throw new AwsError('InvalidParameterValue', `Value (${zone}) for parameter availabilityZone is invalid.`);
  return found;
}

function userDataOf({ UserData }: RunInstancesRequest): string | undefined {
  if (UserData === undefined || UserData === '') return undefined;
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(UserData))
    throw new AwsError('InvalidParameterValue', 'Invalid BASE64 encoding of user data.');
  if (Buffer.byteLength(UserData, 'base64') > 16_384)
    throw new AwsError('InvalidParameterValue', 'User data is limited to 16384 bytes');
  return UserData.replace(/\s/g, '');
}

/** Returns the largest possible count from MinCount to MaxCount. */
function instanceCount(region: Region, input: RunInstancesRequest, subnet: Subnet): number {
  const [min, max] = [input.MinCount ?? 1, input.MaxCount ?? 1];
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max < min)
    throw new AwsError('InvalidParameterValue', `Invalid values for MinCount and MaxCount: ${min}, ${max}`);
  const running = region.store
    .all(instances)
    .filter((instance) => !instance.own && instance.goal !== 'terminated').length;
  const room = maxInstances - running;
  const free = freeAddresses(region, subnet).length;
  if (min > room)
    throw new AwsError(
      'VcpuLimitExceeded',
      `You have requested more instances (${min}) than your current limit of ${maxInstances} leaves (${room}).`,
    );
  if (min > free) throw addressError(subnet);
  if (max > 1 && input.PrivateIpAddress !== undefined)
    throw new AwsError('InvalidParameterCombination', 'One address cannot be given to several instances');
  return Math.min(max, room, free);
}

const noDelays = { sshd: 0, key: 0, engine: 0 };

/** Pending time of a doomed instance without delays. */
const doomedSeconds = 3;

/** Starts the machine of an instance, or resumes an interrupted start. Never throws. */
export async function launch(region: Region, instance: Instance): Promise<void> {
  const { context } = region;
  const machine = machineOf(region, instance);
  const { pending, ...delays } = instance.delays ?? {
    ...noDelays,
    pending: instance.doomed ? doomedSeconds : 0,
  };
  try {
    if (pending > 0) await context.clock.sleep(1_000 * pending, context.signal);
  } catch {
    // The endpoint stops; the next one resumes the launch.
    return;
  }
  if (region.store.get(instances, instance.id)?.goal === 'terminated') return;
  try {
    if (instance.doomed) throw new Error('simulated fault dies-pending');
    const { publicKey } = region.store.all(keyPairs).find(({ name }) => name === instance.key) ?? {};
    await removeMachine(context, machine, { keepKeys: true });
    const isPublic = subnets(region).some((subnet) => subnet.id === instance.subnet && subnet.public);
    const sshFrom = isPublic ? undefined : address(region.network, 'bastion');
    await createMachine(context, machine, region.image, {
      publicKey,
      userData: instance.userData,
      sshFrom,
      delays,
    });
    // Terminated during the launch.
    if (region.store.get(instances, instance.id)?.goal === 'terminated')
      await removeMachine(context, machine, { keepKeys: false });
  } catch (error) {
    context.progress(
      `${instance.id} cannot be started: ${error instanceof Error ? error.message : String(error)}`,
    );
    await removeMachine(context, machine, { keepKeys: false }).catch(() => {});
    const reason = {
      code: 'Server.InternalError',
      message: 'Server.InternalError: Internal error on launch',
    };
    const since = context.clock.now().toISOString();
    await updateInstance(region, instance.id, { goal: 'terminated', since, reason }).catch(() => {});
    await releaseInterface(region, instance.id).catch(() => {});
  }
}

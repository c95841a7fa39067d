import { createHash } from 'node:crypto';
import type { Reservation, RunInstancesRequest } from '@aws-sdk/client-ec2';
import { createMachine, removeMachine } from '../../machine.js';
import { address } from '../../network.js';
import { type Action, AwsError, account, type Region, type Struck } from '../action.js';
import { drawSeconds, hiddenUntil, isRealistic } from '../faults/profile.js';
import { imageFor, typeFor } from './catalog.js';
import { shownInstance } from './describe.js';
import { type Delays, type Instance, instances, keyPairs } from './documents.js';
import { defaultGroup, groupWith } from './groups.js';
import { newId } from './ids.js';
import { change, machineOf, releaseInterface } from './instances.js';
import { freeAddresses, noAddress, takeAddress } from './interfaces.js';
import { keyNamed } from './keys.js';
import { type Subnet, subnets, volumeId } from './layout.js';
import { addTags, tagsFor } from './tags.js';

/**
 * Starts instances: each a machine with an engine of its own. Answers while they are `pending`. The same ClientToken again
 * answers the same instances, whatever has become of them.
 */
export const runInstances: Action<RunInstancesRequest, Reservation> = async (input, region, struck) => {
  const again = replayed(region, input);
  if (again !== undefined) return answered(region, again);
  const wanted = template(region, input);
  const tags = {
    instance: tagsFor(input.TagSpecifications, 'instance', ['volume', 'network-interface']),
    volume: tagsFor(input.TagSpecifications, 'volume', ['instance', 'network-interface']),
    interface: tagsFor(input.TagSpecifications, 'network-interface', ['instance', 'volume']),
  };
  const made = Array.from({ length: countOf(region, input, wanted.subnet) }, (_, index) => {
    const id = newId('i');
    const owner = { groups: wanted.groups, description: wanted.description, instance: id };
    const taken = takeAddress(region, wanted.subnet, owner, wanted.address);
    const it: Instance = {
      ...{ ...wanted.instance, id, index, name: `ip-${taken.made.address.replaceAll('.', '-')}` },
      ...troubles(region, struck),
    };
    const kept = [
      ...[taken.kept, region.store.put(instances, id, it), addTags(region, id, tags.instance)],
      ...[addTags(region, volumeId(region, id), tags.volume), addTags(region, taken.made.id, tags.interface)],
    ];
    return { it, kept };
  });
  await Promise.all(made.flatMap(({ kept }) => kept));
  for (const { it } of made) void launch(region, it);
  return answered(
    region,
    made.map(({ it }) => it),
  );
};

/** More real machines are not good for this one. */
const mostInstances = 32;

/** What makes an instance slow, hard to find, or short-lived. */
function troubles(region: Region, struck: Struck): Pick<Instance, 'hiddenUntil' | 'delays' | 'doomed'> {
  const slow = isRealistic(region);
  const draw = (what: keyof Delays) => drawSeconds(region, what);
  return {
    ...hiddenUntil(region, struck),
    ...(slow
      ? { delays: { pending: draw('pending'), sshd: draw('sshd'), key: draw('key'), engine: draw('engine') } }
      : {}),
    ...(struck.has('dies-pending') ? { doomed: true } : {}),
  };
}

function replayed(region: Region, input: RunInstancesRequest): readonly Instance[] | undefined {
  if (input.ClientToken === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,64}$/.test(input.ClientToken))
    throw new AwsError('InvalidParameterValue', 'The client token has at most 64 ASCII signs');
  const made = region.store.all(instances).filter((it) => it.token === input.ClientToken);
  if (made.length === 0) return undefined;
  if (made.some((it) => it.request !== digest(input)))
    throw new AwsError(
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    );
  return made;
}

function digest(input: RunInstancesRequest): string {
  return createHash('sha256').update(JSON.stringify(input)).digest('hex');
}

function answered(region: Region, made: readonly Instance[]): Reservation {
  return {
    ReservationId: made[0]?.reservation,
    OwnerId: account,
    Groups: [],
    Instances: made.map((it) => {
      const state = it.goal === 'running' ? 'pending' : it.goal;
      return shownInstance(region, { it: region.store.get(instances, it.id) ?? it, state });
    }),
  };
}

/** What the request makes of each instance. @throws AwsError for what cannot be had */
function template(region: Region, input: RunInstancesRequest) {
  const [nic, ...more] = input.NetworkInterfaces ?? [];
  if (more.length > 0 || nic?.NetworkInterfaceId !== undefined)
    throw new AwsError(
      'UnsupportedOperation',
      'Instances of the sandbox have one network interface, made with them',
    );
  if (input.LaunchTemplate !== undefined || (input.BlockDeviceMappings ?? []).some((it) => it.VirtualName))
    throw new AwsError(
      'UnsupportedOperation',
      'The sandbox has neither launch templates nor instance stores',
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
    key: input.KeyName === undefined ? undefined : keyNamed(region, input.KeyName).name,
    userData: userDataOf(input),
    public: nic?.AssociatePublicIpAddress ?? subnet.public,
    ...{ token: input.ClientToken, request: digest(input) },
    protected: { termination: input.DisableApiTermination ?? false, stop: input.DisableApiStop ?? false },
    shutdown: input.InstanceInitiatedShutdownBehavior ?? 'stop',
    hopLimit: input.MetadataOptions?.HttpPutResponseHopLimit ?? 2,
    tokens: input.MetadataOptions?.HttpTokens ?? 'required',
  };
  const named = [
    ...(nic?.Groups ?? input.SecurityGroupIds ?? []).map((id) => groupWith(region, { id }).id),
    ...(input.SecurityGroups ?? []).map((name) => groupWith(region, { name }).id),
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

/** As many as there is room for, but at least MinCount. */
function countOf(region: Region, input: RunInstancesRequest, subnet: Subnet): number {
  const [least, most] = [input.MinCount ?? 1, input.MaxCount ?? 1];
  if (!Number.isInteger(least) || !Number.isInteger(most) || least < 1 || most < least)
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid values for MinCount and MaxCount: ${least}, ${most}`,
    );
  const running = region.store.all(instances).filter((it) => !it.own && it.goal !== 'terminated').length;
  const room = mostInstances - running;
  const free = freeAddresses(region, subnet).length;
  if (least > room)
    throw new AwsError(
      'VcpuLimitExceeded',
      `You have requested more instances (${least}) than your current limit of ${mostInstances} leaves (${room}).`,
    );
  if (least > free) throw noAddress(subnet);
  if (most > 1 && input.PrivateIpAddress !== undefined)
    throw new AwsError('InvalidParameterCombination', 'One address cannot be given to several instances');
  return Math.min(most, room, free);
}

const atOnce = { sshd: 0, key: 0, engine: 0 };

/** How long one that dies while it is pending is seen to be so, s. */
const lastSeconds = 3;

/** Starts the machine of an instance; also one that an endpoint before this one has begun to start. Never throws. */
export async function launch(region: Region, it: Instance): Promise<void> {
  const { context } = region;
  const behind = machineOf(region, it);
  const { pending, ...delays } = it.delays ?? { ...atOnce, pending: it.doomed ? lastSeconds : 0 };
  try {
    if (pending > 0) await context.clock.sleep(1_000 * pending, context.signal);
  } catch {
    // The endpoint ends: the next one goes on with it.
    return;
  }
  if (region.store.get(instances, it.id)?.goal === 'terminated') return;
  try {
    if (it.doomed) throw new Error('it was to die while it is pending');
    const { publicKey } = region.store.all(keyPairs).find(({ name }) => name === it.key) ?? {};
    await removeMachine(context, behind, { keepKeys: true });
    const isPublic = subnets(region).some((subnet) => subnet.id === it.subnet && subnet.public);
    const sshFrom = isPublic ? undefined : address(region.network, 'bastion');
    await createMachine(context, behind, region.image, { publicKey, userData: it.userData, sshFrom, delays });
    // It was terminated meanwhile.
    if (region.store.get(instances, it.id)?.goal === 'terminated')
      await removeMachine(context, behind, { keepKeys: false });
  } catch (error) {
    context.progress(`${it.id} cannot be started: ${error instanceof Error ? error.message : String(error)}`);
    await removeMachine(context, behind, { keepKeys: false }).catch(() => {});
    const reason = {
      code: 'Server.InternalError',
      message: 'Server.InternalError: Internal error on launch',
    };
    const since = context.clock.now().toISOString();
    await change(region, it.id, { goal: 'terminated', since, reason }).catch(() => {});
    await releaseInterface(region, it.id).catch(() => {});
  }
}

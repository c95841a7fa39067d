import type { InstanceStateName } from '@aws-sdk/client-ec2';
import { labels, sandboxFilter } from '../../docker.js';
import {
  bastionMachine,
  instanceMachine,
  listMachines,
  type Machine,
  sandboxMachine,
} from '../../machine.js';
import { AwsError, type Region } from '../action.js';
import { defaultType } from './catalog.js';
import { type Instance, instances, interfaces } from './documents.js';
import { sandboxGroup } from './groups.js';
import { fixedId } from './ids.js';
import { interfaceOf } from './interfaces.js';
import { sandboxKeyName } from './keys.js';
import { imageId, subnets } from './layout.js';
import { addTags, removeTags } from './tags.js';

/** An instance and its present state. */
export interface ObservedInstance {
  readonly instance: Instance;
  readonly state: InstanceStateName;
}

/** EC2's codes of the states. */
export const stateCodes: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** Terminated instances stay visible, as in EC2 for about an hour. */
const retentionMs = 3_600_000;

/**
 * Returns all instances, oldest first, with their state in Docker: sandbox machines, the bastion, and instances of
 * RunInstances. An instance whose container was killed is `stopped`.
 */
export async function observeInstances(region: Region): Promise<readonly ObservedInstance[]> {
  const { context, sandbox, network, store } = region;
  const bastion = bastionMachine(sandbox, network);
  const containers = await context.docker.listContainers({ all: true, filters: sandboxFilter(sandbox) });
  const machines = await listMachines(context, sandbox, network);
  const hasBastion = containers.some(({ Labels }) => Labels[labels.role] === 'bastion');
  await syncSandboxMachines(region, hasBastion ? [...machines, bastion] : machines);
  await removeExpired(region);
  const states = new Map(
    containers.flatMap(({ Labels, State }) => {
      const name = Labels[labels.machine] ?? Labels[labels.role];
      const id = Labels[labels.instance] ?? [...machines, bastion].find((it) => it.name === name)?.id;
      return id === undefined ? [] : [[id, State] as const];
    }),
  );
  return store
    .all(instances)
    .map((instance) => ({ instance, state: stateOf(instance, states.get(instance.id)) }));
}

function stateOf({ goal, own, rebooting }: Instance, container: string | undefined): InstanceStateName {
  const isRunning = container === 'running' || container === 'paused' || container === 'restarting';
  if (goal === 'terminated') return container === undefined ? 'terminated' : 'shutting-down';
  if (goal === 'stopped') return isRunning ? 'stopping' : 'stopped';
  if (isRunning || rebooting) return 'running';
  return !own && (container === undefined || container === 'created') ? 'pending' : 'stopped';
}

/** Registers new machines of `up` as instances, and removes those that `up` has removed. */
async function syncSandboxMachines(region: Region, machines: readonly Machine[]): Promise<void> {
  const known = region.store.all(instances).filter((instance) => instance.own);
  const [subnet] = subnets(region);
  if (subnet === undefined) return;
  const since = region.context.clock.now().toISOString();
  const added = machines.filter(({ id }) => !known.some((instance) => instance.id === id));
  const removed = known.filter(({ id }) => !machines.some((it) => it.id === id));
  const writes = added.flatMap(({ id, name, address }) => {
    const interfaceId = fixedId(region, 'eni', name);
    const instance: Instance = {
      ...{ id, name, own: true, reservation: fixedId(region, 'r', name), index: 0, image: imageId(region) },
      ...{ type: defaultType, subnet: subnet.id, key: sandboxKeyName, public: true, launched: since },
      ...{ goal: 'running', since, protected: { termination: true, stop: false }, shutdown: 'stop' },
      ...{ hopLimit: 1, tokens: 'required' },
    };
    return [
      region.store.put(instances, id, instance),
      region.store.put(interfaces, interfaceId, {
        ...{ id: interfaceId, address, subnet: subnet.id, groups: [sandboxGroup(region)] },
        ...{ description: '', instance: id },
      }),
      addTags(region, id, [{ Key: 'Name', Value: name }]),
    ];
  });
  await Promise.all([...writes, ...removed.map(({ id }) => remove(region, id))]);
}

async function removeExpired(region: Region): Promise<void> {
  const before = region.context.clock.now().getTime() - retentionMs;
  const expired = region.store
    .all(instances)
    .filter((instance) => instance.goal === 'terminated' && Date.parse(instance.since) < before);
  await Promise.all(expired.map(({ id }) => remove(region, id)));
}

async function remove(region: Region, id: string): Promise<void> {
  await Promise.all([
    releaseInterface(region, id),
    removeTags(region, id),
    region.store.remove(instances, id),
  ]);
}

/** Releases an instance's address and security groups. */
export async function releaseInterface(region: Region, instance: string): Promise<void> {
  const released = interfaceOf(region, instance);
  if (released === undefined) return;
  await Promise.all([region.store.remove(interfaces, released.id), removeTags(region, released.id)]);
}

/**
 * Returns the instances with these IDs, in this order.
 * @throws AwsError if `ids` is empty, or an ID is malformed or unknown
 */
export async function findInstances(
  region: Region,
  ids: readonly string[] | undefined,
): Promise<readonly ObservedInstance[]> {
  const all = await observeInstances(region);
  if (ids === undefined || ids.length === 0)
    throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
  return selectInstances(all, ids);
}

/** Like {@link findInstances}, but returns all instances if `ids` is empty. */
export function selectInstances(
  all: readonly ObservedInstance[],
  ids: readonly string[] | undefined,
): readonly ObservedInstance[] {
  if (ids === undefined || ids.length === 0) return all;
  const malformed = ids.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id));
  if (malformed !== undefined)
    throw new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  const wanted = [...new Set(ids)];
  const found = wanted.flatMap((id) => all.filter(({ instance }) => instance.id === id));
  if (found.length === wanted.length) return found;
  const missing = wanted.filter((id) => !found.some(({ instance }) => instance.id === id));
  const [noun, verb] = missing.length === 1 ? ['ID', 'does'] : ['IDs', 'do'];
  throw new AwsError(
    'InvalidInstanceID.NotFound',
    `The instance ${noun} '${missing.join(', ')}' ${verb} not exist`,
  );
}

/** Returns the machine of an instance. */
export function machineOf(region: Region, instance: Instance): Machine {
  const { sandbox, network } = region;
  if (instance.id === bastionMachine(sandbox, network).id) return bastionMachine(sandbox, network);
  if (instance.own) return sandboxMachine(sandbox, network, Number(instance.name.split('-')[1]));
  const address = interfaceOf(region, instance.id)?.address ?? '';
  return instanceMachine(sandbox, network, { id: instance.id, name: instance.name, address });
}

/** Applies changes to the stored instance, if it still exists. */
export async function updateInstance(region: Region, id: string, changes: Partial<Instance>): Promise<void> {
  const it = region.store.get(instances, id);
  if (it !== undefined) await region.store.put(instances, id, { ...it, ...changes });
}

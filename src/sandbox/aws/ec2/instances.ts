import type { InstanceStateName } from '@aws-sdk/client-ec2';
import { belongingTo, labels } from '../../docker.js';
import { bastion, instanceMachine, listMachines, type Machine, machine } from '../../machine.js';
import { AwsError, type Region } from '../action.js';
import { defaultType } from './catalog.js';
import { type Instance, instances, interfaces } from './documents.js';
import { ownGroup } from './groups.js';
import { fixedId } from './ids.js';
import { interfaceOf } from './interfaces.js';
import { ownKey } from './keys.js';
import { imageId, subnets } from './layout.js';
import { addTags, removeTags } from './tags.js';

/** An instance, and what it is at this moment. */
export interface Seen {
  readonly it: Instance;
  readonly state: InstanceStateName;
}

/** The codes of the states on the wire. */
export const stateCodes: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** How long a terminated instance is still shown, ms; with EC2 it is about an hour. */
const remembered = 3_600_000;

/**
 * All instances, oldest first: the sandbox's own machines, as many as there are now, its bastion, and what RunInstances made. What they
 * are is asked of Docker, so that an instance whose container was killed is seen to be stopped.
 */
export async function seeInstances(region: Region): Promise<readonly Seen[]> {
  const { context, sandbox, network, store } = region;
  const guarding = bastion(sandbox, network);
  const containers = await context.docker.listContainers({ all: true, filters: belongingTo(sandbox) });
  const own = await listMachines(context, sandbox, network);
  const guarded = containers.some(({ Labels }) => Labels[labels.role] === 'bastion');
  await adopt(region, guarded ? [...own, guarding] : own);
  await forget(region);
  const states = new Map(
    containers.flatMap(({ Labels, State }) => {
      const name = Labels[labels.machine] ?? Labels[labels.role];
      const id = Labels[labels.instance] ?? [...own, guarding].find((it) => it.name === name)?.id;
      return id === undefined ? [] : [[id, State] as const];
    }),
  );
  return store.all(instances).map((it) => ({ it, state: stateOf(it, states.get(it.id)) }));
}

function stateOf({ goal, own, rebooting }: Instance, container: string | undefined): InstanceStateName {
  const runs = container === 'running' || container === 'paused' || container === 'restarting';
  if (goal === 'terminated') return container === undefined ? 'terminated' : 'shutting-down';
  if (goal === 'stopped') return runs ? 'stopping' : 'stopped';
  if (runs || rebooting) return 'running';
  return !own && (container === undefined || container === 'created') ? 'pending' : 'stopped';
}

/** Has the machines of `up` as instances, and those that `up` has removed not any more. */
async function adopt(region: Region, own: readonly Machine[]): Promise<void> {
  const known = region.store.all(instances).filter((it) => it.own);
  const [subnet] = subnets(region);
  if (subnet === undefined) return;
  const since = region.context.clock.now().toISOString();
  const added = own.filter(({ id }) => !known.some((it) => it.id === id));
  const gone = known.filter(({ id }) => !own.some((it) => it.id === id));
  const made = added.flatMap(({ id, name, address }) => {
    const eni = fixedId(region, 'eni', name);
    const it: Instance = {
      ...{ id, name, own: true, reservation: fixedId(region, 'r', name), index: 0, image: imageId(region) },
      ...{ type: defaultType, subnet: subnet.id, key: ownKey, public: true, launched: since },
      ...{ goal: 'running', since, protected: { termination: true, stop: false }, shutdown: 'stop' },
      ...{ hopLimit: 1, tokens: 'required' },
    };
    return [
      region.store.put(instances, id, it),
      region.store.put(interfaces, eni, {
        ...{ id: eni, address, subnet: subnet.id, groups: [ownGroup(region)], description: '', instance: id },
      }),
      addTags(region, id, [{ Key: 'Name', Value: name }]),
    ];
  });
  await Promise.all([...made, ...gone.map(({ id }) => remove(region, id))]);
}

/** Forgets what was terminated long ago. */
async function forget(region: Region): Promise<void> {
  const before = region.context.clock.now().getTime() - remembered;
  const old = region.store
    .all(instances)
    .filter((it) => it.goal === 'terminated' && Date.parse(it.since) < before);
  await Promise.all(old.map(({ id }) => remove(region, id)));
}

async function remove(region: Region, id: string): Promise<void> {
  await Promise.all([
    releaseInterface(region, id),
    removeTags(region, id),
    region.store.remove(instances, id),
  ]);
}

/** Gives an instance's address back; its groups can be deleted then. */
export async function releaseInterface(region: Region, instance: string): Promise<void> {
  const had = interfaceOf(region, instance);
  if (had === undefined) return;
  await Promise.all([region.store.remove(interfaces, had.id), removeTags(region, had.id)]);
}

/**
 * The instances with these IDs, in their order.
 * @throws AwsError when one ID is malformed or of no instance: EC2 then does nothing at all
 */
export async function instancesWith(
  region: Region,
  ids: readonly string[] | undefined,
): Promise<readonly Seen[]> {
  const all = await seeInstances(region);
  if (ids === undefined || ids.length === 0)
    throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
  return selectInstances(all, ids);
}

/** As {@link instancesWith}; all of them where no IDs are given. */
export function selectInstances(all: readonly Seen[], ids: readonly string[] | undefined): readonly Seen[] {
  if (ids === undefined || ids.length === 0) return all;
  const malformed = ids.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id));
  if (malformed !== undefined)
    throw new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  const wanted = [...new Set(ids)];
  const found = wanted.flatMap((id) => all.filter(({ it }) => it.id === id));
  if (found.length === wanted.length) return found;
  const missing = wanted.filter((id) => !found.some(({ it }) => it.id === id));
  const [who, verb] = missing.length === 1 ? ['ID', 'does'] : ['IDs', 'do'];
  throw new AwsError(
    'InvalidInstanceID.NotFound',
    `The instance ${who} '${missing.join(', ')}' ${verb} not exist`,
  );
}

/** The machine behind an instance. */
export function machineOf(region: Region, it: Instance): Machine {
  const { sandbox, network } = region;
  if (it.id === bastion(sandbox, network).id) return bastion(sandbox, network);
  if (it.own) return machine(sandbox, network, Number(it.name.split('-')[1]));
  const address = interfaceOf(region, it.id)?.address ?? '';
  return instanceMachine(sandbox, network, { id: it.id, name: it.name, address });
}

/** Changes what an instance is meant to be, or has, as it stands in the store now. */
export async function change(region: Region, id: string, changes: Partial<Instance>): Promise<void> {
  const it = region.store.get(instances, id);
  if (it !== undefined) await region.store.put(instances, id, { ...it, ...changes });
}

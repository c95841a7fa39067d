import { region } from './aws/action.js';
import { vpcId } from './aws/ec2/layout.js';
import type { Behaviour, FaultRequest } from './aws/faults/behaviour.js';
import { ensureBastion } from './bastion.js';
import type { Context } from './context.js';
import { belongingTo, ifExists } from './docker.js';
import {
  behaviourOf,
  endEndpoint,
  endpointUrl,
  ensureEndpoint,
  down as isDown,
  requestFaults,
} from './endpoint-process.js';
import { SandboxFailure } from './failure.js';
import { ensureImage } from './image.js';
import { listBalancers, type MadeBalancer } from './load-balancers.js';
import {
  authorize,
  ensureMachine,
  greets,
  hostKey,
  listMachines,
  type Machine,
  type MachineState,
  machine,
  machineState,
  type OwnMachine,
  removeMachine,
} from './machine.js';
import { address, ensureNetwork, findNetwork, maxMachines } from './network.js';
import { ensureRegistry, hasRegistry, registryName } from './registry.js';
import { ensureKey, type Listed, removeFiles, stateFiles, writeFiles } from './state.js';

/** What `up` and `status` answer. Of a sandbox that does not exist, `machines` and `loadBalancers` are empty and the rest `null`. */
export interface SandboxStatus {
  readonly schema: 1;
  readonly name: string;
  /** Whether there are machines, and all of them, the registry, the endpoint and the bastion answer. */
  readonly up: boolean;
  readonly machines: readonly {
    readonly id: string;
    readonly name: string;
    /** For `docker exec`. */
    readonly container: string;
    readonly address: string;
    readonly port: number;
    readonly user: string;
    readonly state: MachineState;
  }[];
  /** What an image's name starts with, on this machine and on all of the sandbox's. */
  readonly registry: string | null;
  readonly key: string | null;
  readonly knownHosts: string | null;
  readonly environment: string | null;
  /** Where the API of AWS answers, on the loopback of this machine. */
  readonly endpoint: string | null;
  readonly region: string | null;
  /** Whether the API is as slow as that of AWS, and what its chances come from; `null` too when it does not answer. */
  readonly profile: Behaviour['profile'] | null;
  readonly seed: string | null;
  /** The ID of the VPC that the sandbox's network is. */
  readonly vpc: string | null;
  /** The way to instances in private subnets. */
  readonly bastion: {
    readonly address: string;
    readonly port: number;
    readonly user: string;
    readonly key: string;
  } | null;
  readonly loadBalancers: readonly MadeBalancer[];
}

/**
 * Makes the sandbox, or brings it to `count` machines (those it has, else 3) and repairs what does not answer.
 * Resolves when everything answers; it can be run again after any failure or interruption.
 * @param conduct what of its behaviour is set; the rest stays as it is
 */
export async function up(
  context: Context,
  name: string,
  count: number | undefined,
  conduct: Pick<FaultRequest, 'profile' | 'seed'> = {},
): Promise<SandboxStatus> {
  if (count !== undefined && (count < 1 || count > maxMachines)) {
    throw new SandboxFailure('usage', `--machines is between 1 and ${maxMachines}`, { exitCode: 2 });
  }
  const files = stateFiles(context.env, name);
  const image = await ensureImage(context);
  const publicKey = await ensureKey(files, name);
  const network = await ensureNetwork(context, name);
  await ensureRegistry(context, name, network, image);

  const present = await listMachines(context, name, network);
  const wanted = count ?? (present.length || 3);
  for (const surplus of present.filter(({ number }) => number > wanted)) {
    context.progress(`${surplus.name}: removing it`);
    await removeMachine(context, surplus, { keepKeys: false });
  }
  const machines = Array.from({ length: wanted }, (_, index) => machine(name, network, index + 1));
  const prepare = async (it: OwnMachine) => {
    await ensureMachine(context, it, image);
    await authorize(context, it, publicKey);
    return { ...it, hostKey: await hostKey(context, it) };
  };
  // All of it comes up together; the endpoint sees the machines as they come.
  const [listed = [], guarding = []] = await together<() => Promise<Listed[]>, Listed[]>(
    [
      () => together(machines, prepare),
      async () => [await ensureBastion(context, name, network, image, publicKey)],
      () => ensureEndpoint(context, files, name, network).then(() => []),
    ],
    (work) => work(),
  );
  if ((conduct.profile ?? conduct.seed) !== undefined) await requestFaults(network, name, conduct);
  await writeFiles(files, listed, registryName(network), guarding);
  return describe(context, name, machines, () => Promise.resolve('ready'));
}

/** What exists of the sandbox, and whether it answers. Changes nothing. */
export async function status(context: Context, name: string): Promise<SandboxStatus> {
  const network = await findNetwork(context, name);
  const machines = network === undefined ? [] : await listMachines(context, name, network);
  return describe(context, name, machines, (it) => machineState(context, it));
}

/** Which faults there are and which are switched on, after what `wish` changes. */
export async function fault(
  context: Context,
  name: string,
  wish: FaultRequest,
): Promise<Pick<Behaviour, 'on' | 'faults'>> {
  const network = await findNetwork(context, name);
  if (network === undefined) throw isDown(name);
  const { on, faults } = await requestFaults(network, name, wish);
  return { on, faults };
}

/**
 * Removes every container, volume and network with the sandbox's label, and its files; nothing else. The image
 * stays: it belongs to all sandboxes and is slow to make.
 */
export async function down(context: Context, name: string): Promise<void> {
  const { docker } = context;
  const filters = belongingTo(name);
  // First of all, for it would go on making what is removed here.
  const endpointAt = await findNetwork(context, name);
  if (endpointAt !== undefined) await endEndpoint(context, endpointAt);
  const containers = await docker.listContainers({ all: true, filters });
  if (containers.length > 0) context.progress(`Removing ${containers.length} containers`);
  await together(containers, ({ Id }) => ifExists(docker.getContainer(Id).remove({ force: true, v: true })));
  const { Volumes } = await docker.listVolumes({ filters });
  await together(Volumes ?? [], ({ Name }) => ifExists(docker.getVolume(Name).remove()));
  for (const { Id } of await docker.listNetworks({ filters })) {
    const network = docker.getNetwork(Id);
    // A container of the user's that was attached to our network stays, without it.
    const guests = Object.keys((await ifExists(network.inspect()))?.Containers ?? {});
    for (const Container of guests) await ifExists(network.disconnect({ Container, Force: true }));
    await ifExists(network.remove());
  }
  await removeFiles(stateFiles(context.env, name));
}

async function describe(
  context: Context,
  name: string,
  machines: readonly Machine[],
  stateOf: (it: Machine) => Promise<MachineState>,
): Promise<SandboxStatus> {
  const described = await together(machines, async (it) => ({
    id: it.id,
    name: it.name,
    container: it.container,
    address: it.address,
    port: 22,
    user: 'deploy',
    state: await stateOf(it),
  }));
  const files = stateFiles(context.env, name);
  const [first] = machines;
  const exists = first !== undefined;
  const behaviour = exists ? await behaviourOf(first.network) : undefined;
  return {
    schema: 1,
    name,
    up:
      exists &&
      described.every(({ state }) => state === 'ready') &&
      (await hasRegistry(context, name)) &&
      behaviour !== undefined &&
      (await greets(address(first.network, 'bastion'), 22)),
    machines: described,
    registry: exists ? registryName(first.network) : null,
    key: exists ? files.key : null,
    knownHosts: exists ? files.knownHosts : null,
    environment: exists ? files.environment : null,
    endpoint: exists ? endpointUrl(first.network) : null,
    region: exists ? region : null,
    profile: behaviour?.profile ?? null,
    seed: behaviour?.seed ?? null,
    vpc: exists ? vpcId(first) : null,
    bastion: exists
      ? { address: address(first.network, 'bastion'), port: 22, user: 'deploy', key: files.key }
      : null,
    loadBalancers: exists ? await listBalancers(context, name, first.network) : [],
  };
}

/** All at once; when some fail, the first error is thrown after the others have ended. */
async function together<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = await Promise.allSettled(items.map(work));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

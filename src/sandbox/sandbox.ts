import { region } from './aws/action.js';
import { vpcId } from './aws/ec2/layout.js';
import type { Behavior, FaultRequest } from './aws/faults/behavior.js';
import { ensureBastion } from './bastion.js';
import type { Context } from './context.js';
import { ifExists, sandboxFilter } from './docker.js';
import {
  endpointUrl,
  ensureEndpoint,
  sandboxDown as isDown,
  readBehavior,
  requestFaults,
  stopEndpoint,
} from './endpoint-process.js';
import { SandboxFailure } from './failure.js';
import { ensureImage } from './image.js';
import { type BalancerSummary, listBalancers } from './load-balancers.js';
import {
  authorizeKey,
  ensureMachine,
  hostKey,
  listMachines,
  type Machine,
  type MachineState,
  machineState,
  removeMachine,
  type SandboxMachine,
  sandboxMachine,
  sshResponds,
} from './machine.js';
import { address, ensureNetwork, findNetwork, maxMachines } from './network.js';
import { ensureRegistry, hasRegistry, registryName } from './registry.js';
import { ensureKey, type HostEntry, removeFiles, stateFiles, writeFiles } from './state.js';

/** The result of `up` and `status`. If the sandbox does not exist, lists are empty and other fields `null`. */
export interface SandboxStatus {
  readonly schema: 1;
  readonly name: string;
  /** Whether machines exist, and all of them, the registry, the endpoint and the bastion respond. */
  readonly up: boolean;
  readonly machines: readonly {
    readonly id: string;
    readonly name: string;
    /** The container's name. */
    readonly container: string;
    readonly address: string;
    readonly port: number;
    readonly user: string;
    readonly state: MachineState;
  }[];
  /** The registry part of image names, on this machine and on the sandbox's. */
  readonly registry: string | null;
  readonly key: string | null;
  readonly knownHosts: string | null;
  readonly environment: string | null;
  /** The URL of the AWS API, on loopback. */
  readonly endpoint: string | null;
  readonly region: string | null;
  /** Also `null` if the endpoint does not respond. */
  readonly profile: Behavior['profile'] | null;
  readonly seed: string | null;
  /** The ID of the VPC. */
  readonly vpc: string | null;
  /** The SSH jump host for private subnets. */
  readonly bastion: {
    readonly address: string;
    readonly port: number;
    readonly user: string;
    readonly key: string;
  } | null;
  readonly loadBalancers: readonly BalancerSummary[];
}

/**
 * Creates the sandbox, or repairs it and scales it to `count` machines (by default the present number, or 3). Resolves
 * once everything responds; can be repeated after a failure or interruption.
 * @param settings behavior to change; the rest stays as it is
 */
export async function up(
  context: Context,
  name: string,
  count: number | undefined,
  settings: Pick<FaultRequest, 'profile' | 'seed'> = {},
): Promise<SandboxStatus> {
  if (count !== undefined && (count < 1 || count > maxMachines)) {
    throw new SandboxFailure('usage', `--machines must be between 1 and ${maxMachines}`, { exitCode: 2 });
  }
  const files = stateFiles(context.env, name);
  const image = await ensureImage(context);
  const publicKey = await ensureKey(files, name);
  const network = await ensureNetwork(context, name);
  await ensureRegistry(context, name, network, image);

  const present = await listMachines(context, name, network);
  const wanted = count ?? (present.length || 3);
  for (const extra of present.filter(({ number }) => number > wanted)) {
    context.progress(`removing ${extra.name}`);
    await removeMachine(context, extra, { keepKeys: false });
  }
  const machines = Array.from({ length: wanted }, (_, index) => sandboxMachine(name, network, index + 1));
  const prepare = async (machine: SandboxMachine) => {
    await ensureMachine(context, machine, image);
    await authorizeKey(context, machine, publicKey);
    return { ...machine, hostKey: await hostKey(context, machine) };
  };
  const [machineEntries = [], bastionEntries = []] = await inParallel<
    () => Promise<HostEntry[]>,
    HostEntry[]
  >(
    [
      () => inParallel(machines, prepare),
      async () => [await ensureBastion(context, name, network, image, publicKey)],
      () => ensureEndpoint(context, files, name, network).then(() => []),
    ],
    (work) => work(),
  );
  if ((settings.profile ?? settings.seed) !== undefined) await requestFaults(network, name, settings);
  await writeFiles(files, machineEntries, registryName(network), bastionEntries);
  return statusOf(context, name, machines, () => Promise.resolve('ready'));
}

/** Returns the state of the sandbox without changing it. */
export async function status(context: Context, name: string): Promise<SandboxStatus> {
  const network = await findNetwork(context, name);
  const machines = network === undefined ? [] : await listMachines(context, name, network);
  return statusOf(context, name, machines, (machine) => machineState(context, machine));
}

/** Applies `request`, then returns the available and the enabled faults. */
export async function fault(
  context: Context,
  name: string,
  request: FaultRequest,
): Promise<Pick<Behavior, 'on' | 'faults'>> {
  const network = await findNetwork(context, name);
  if (network === undefined) throw isDown(name);
  const { on, faults } = await requestFaults(network, name, request);
  return { on, faults };
}

/**
 * Removes every container, volume and network with the sandbox's label, and its files. Keeps the image: all sandboxes
 * share it and it is slow to build.
 */
export async function down(context: Context, name: string): Promise<void> {
  const { docker } = context;
  const filters = sandboxFilter(name);
  // First, because the endpoint would recreate what `down` removes.
  const network = await findNetwork(context, name);
  if (network !== undefined) await stopEndpoint(context, network);
  const containers = await docker.listContainers({ all: true, filters });
  if (containers.length > 0) context.progress(`removing ${containers.length} containers`);
  await inParallel(containers, ({ Id }) =>
    ifExists(docker.getContainer(Id).remove({ force: true, v: true })),
  );
  const { Volumes } = await docker.listVolumes({ filters });
  await inParallel(Volumes ?? [], ({ Name }) => ifExists(docker.getVolume(Name).remove()));
  for (const { Id } of await docker.listNetworks({ filters })) {
    const dockerNetwork = docker.getNetwork(Id);
    // The user may have attached other containers; keep those.
    const attached = Object.keys((await ifExists(dockerNetwork.inspect()))?.Containers ?? {});
    for (const Container of attached) await ifExists(dockerNetwork.disconnect({ Container, Force: true }));
    await ifExists(dockerNetwork.remove());
  }
  await removeFiles(stateFiles(context.env, name));
}

async function statusOf(
  context: Context,
  name: string,
  machines: readonly Machine[],
  stateOf: (machine: Machine) => Promise<MachineState>,
): Promise<SandboxStatus> {
  const machineStatuses = await inParallel(machines, async (machine) => ({
    id: machine.id,
    name: machine.name,
    container: machine.container,
    address: machine.address,
    port: 22,
    user: 'deploy',
    state: await stateOf(machine),
  }));
  const files = stateFiles(context.env, name);
  const [first] = machines;
  const exists = first !== undefined;
  const behavior = exists ? await readBehavior(first.network) : undefined;
  return {
    schema: 1,
    name,
    up:
      exists &&
      machineStatuses.every(({ state }) => state === 'ready') &&
      (await hasRegistry(context, name)) &&
      behavior !== undefined &&
      (await sshResponds(address(first.network, 'bastion'), 22)),
    machines: machineStatuses,
    registry: exists ? registryName(first.network) : null,
    key: exists ? files.key : null,
    knownHosts: exists ? files.knownHosts : null,
    environment: exists ? files.environment : null,
    endpoint: exists ? endpointUrl(first.network) : null,
    region: exists ? region : null,
    profile: behavior?.profile ?? null,
    seed: behavior?.seed ?? null,
    vpc: exists ? vpcId(first) : null,
    bastion: exists
      ? { address: address(first.network, 'bastion'), port: 22, user: 'deploy', key: files.key }
      : null,
    loadBalancers: exists ? await listBalancers(context, name, first.network) : [],
  };
}

/** Runs all in parallel; throws the first error once all have settled. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = await Promise.allSettled(items.map(work));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

import { createHash } from 'node:crypto';
import { connect as dial } from 'node:net';
import type { Context } from './context.js';
import { execute, hasStatus, ifExists, labels, sandboxFilter } from './docker.js';
import { SandboxFailure } from './failure.js';
import { address, type Network } from './network.js';
import { waitFor } from './wait.js';

/** A container that runs sshd and its own Docker engine. */
export interface Machine {
  readonly sandbox: string;
  readonly network: Network;
  /** The host name: `sandbox-1`. */
  readonly name: string;
  /** An EC2 instance ID, stable until `down`. */
  readonly id: string;
  /** The container's name. */
  readonly container: string;
  /** On the private network; reachable only if Docker does not run in a virtual machine. */
  readonly address: string;
  /** Labels of its container and volumes, in addition to the sandbox's name. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A machine created by `up`. */
export interface SandboxMachine extends Machine {
  /** 1 for sandbox-1. */
  readonly number: number;
}

/** Settings for the first boot of a machine. */
export interface FirstBoot {
  /** An authorized_keys line, added for every user. */
  readonly publicKey?: string | undefined;
  /** Base64; runs as root if it begins with `#!`. */
  readonly userData?: string | undefined;
  /** The only address that may connect to sshd, also after restarts. */
  readonly sshFrom?: string | undefined;
  /** Seconds that each step waits after the previous one: boot, sshd, key, engine. */
  readonly delays?: { readonly sshd: number; readonly key: number; readonly engine: number } | undefined;
}

/** `stopped`: the container does not run; `unready`: a service in it does not respond. */
export type MachineState = 'ready' | 'unready' | 'stopped';

/** Describes machine `number` of a sandbox, which need not exist. */
export function sandboxMachine(sandbox: string, network: Network, number: number): SandboxMachine {
  const name = `sandbox-${number}`;
  return {
    sandbox,
    network,
    number,
    name,
    id: idOf(network, name),
    container: `oneclick-${sandbox}-${name}`,
    address: address(network, number),
    labels: { [labels.machine]: name, [labels.role]: 'machine' },
  };
}

/** Describes the bastion: an SSH jump host for private subnets, without a Docker engine. */
export function bastionMachine(sandbox: string, network: Network): Machine {
  return {
    ...{ sandbox, network, name: 'bastion', id: idOf(network, 'bastion') },
    ...{ container: `oneclick-${sandbox}-bastion`, address: address(network, 'bastion') },
    labels: { [labels.role]: 'bastion' },
  };
}

function idOf(network: Network, name: string): string {
  return `i-${createHash('sha256').update(`${network.id}/${name}`).digest('hex').slice(0, 17)}`;
}

/** Describes the machine of an instance started by RunInstances. */
export function instanceMachine(
  sandbox: string,
  network: Network,
  machine: Pick<Machine, 'id' | 'name' | 'address'>,
): Machine {
  const { id, name, address } = machine;
  return {
    ...{ sandbox, network, id, name, address, container: `oneclick-${sandbox}-${id}` },
    labels: { [labels.instance]: id, [labels.role]: 'instance' },
  };
}

/** Returns existing machines by number, including those of which only the disk is left. */
export async function listMachines(
  context: Context,
  sandbox: string,
  network: Network,
): Promise<SandboxMachine[]> {
  const containers = await context.docker.listContainers({
    all: true,
    filters: sandboxFilter(sandbox, 'machine'),
  });
  const { Volumes } = await context.docker.listVolumes({ filters: sandboxFilter(sandbox) });
  const names = [...containers, ...(Volumes ?? [])].map((resource) => resource.Labels?.[labels.machine]);
  const numbers = new Set(names.flatMap((name) => (name === undefined ? [] : [Number(name.split('-')[1])])));
  return [...numbers].sort((a, b) => a - b).map((number) => sandboxMachine(sandbox, network, number));
}

/**
 * Creates the machine, or repairs it: starts, restarts or recreates it. Recreating empties the disk but keeps the
 * address, ID and host key. Resolves once the machine is ready.
 * @throws SandboxFailure with the last log lines if a new machine does not become ready
 */
export async function ensureMachine(context: Context, machine: Machine, image: string): Promise<void> {
  const container = context.docker.getContainer(machine.container);
  const present = await ifExists(container.inspect());
  const ipam = present?.NetworkSettings.Networks[machine.network.name]?.IPAMConfig as {
    IPv4Address?: string;
  } | null;
  if (present !== undefined && ipam?.IPv4Address === machine.address) {
    if (present.State.Paused) await container.unpause();
    const running = present.State.Running;
    const reason = running ? await waitUntilReady(context, machine, 10_000) : 'stopped';
    if (reason === undefined) return;
    context.progress(`${machine.name}: ${reason}; ${running ? 'restarting' : 'starting'}`);
    try {
      await (running ? container.restart({ t: 5 }) : container.start());
      if ((await waitUntilReady(context, machine, 60_000)) === undefined) return;
    } catch (error) {
      if (!hasStatus(error, 304, 404, 409, 500)) throw error;
    }
    context.progress(`${machine.name}: still not ready; recreating`);
  }
  if (present === undefined) context.progress(`${machine.name}: starting at ${machine.address}`);
  await removeMachine(context, machine, { keepKeys: true });
  await createMachine(context, machine, image);
  const problem = await waitUntilReady(context, machine, 90_000);
  if (problem !== undefined) throw await notReadyFailure(context, machine, problem);
}

/** Waits up to `ms`; returns the remaining problem. Gives up at once if the machine has stopped. */
async function waitUntilReady(context: Context, machine: Machine, ms: number): Promise<string | undefined> {
  let problem: string | undefined;
  const probe = async () => {
    problem = await machineProblem(context, machine);
    return problem === notRunning ? undefined : problem;
  };
  try {
    await waitFor(context, `${machine.name} at ${machine.address}`, ms, probe);
  } catch (error) {
    if (!(error instanceof SandboxFailure) || error.code !== 'sandbox.timeout') throw error;
  }
  return problem;
}

const notRunning = 'not running';

/** Returns why the machine is not ready, or `undefined` if sshd, the engine and the registry respond. */
export async function machineProblem(context: Context, machine: Machine): Promise<string | undefined> {
  const present = await ifExists(context.docker.getContainer(machine.container).inspect());
  if (!present?.State.Running || present.State.Paused) return notRunning;
  if (!(await sshResponds(machine.address, 22))) return 'sshd does not respond';
  try {
    const { exitCode, output } = await execute(context.docker, machine.container, ['ready']);
    return exitCode === 0 ? undefined : output;
  } catch (error) {
    if (hasStatus(error, 404, 409, 500)) return notRunning;
    throw error;
  }
}

/** Returns the state of the machine. */
export async function machineState(context: Context, machine: Machine): Promise<MachineState> {
  const problem = await machineProblem(context, machine);
  return problem === undefined ? 'ready' : problem === notRunning ? 'stopped' : 'unready';
}

/** Authorizes `publicKey` for root, deploy and ops. */
export async function authorizeKey(
  context: Context,
  machine: Pick<Machine, 'name' | 'container'>,
  publicKey: string,
): Promise<void> {
  const { exitCode, output } = await execute(context.docker, machine.container, ['authorize', publicKey]);
  if (exitCode !== 0)
    throw new SandboxFailure('machine.key', `cannot authorize the key on ${machine.name}: ${output}`);
}

/** Returns the host key of a running machine in known_hosts format: `ssh-ed25519 AAAA…`. */
export async function hostKey(context: Context, machine: Pick<Machine, 'container'>): Promise<string> {
  const argv = ['cat', '/etc/ssh/host-keys/ed25519.pub'];
  const { output } = await execute(context.docker, machine.container, argv);
  return output.split(' ').slice(0, 2).join(' ');
}

/** Removes the machine and its disk; `keepKeys` keeps the host key for its successor. */
export async function removeMachine(
  context: Context,
  machine: Machine,
  { keepKeys }: { readonly keepKeys: boolean },
): Promise<void> {
  await ifExists(context.docker.getContainer(machine.container).remove({ force: true, v: true }));
  const { engine, keys } = volumeNames(machine);
  for (const name of keepKeys ? [engine] : [engine, keys]) {
    await ifExists(context.docker.getVolume(name).remove());
  }
}

function volumeNames(machine: Machine): { engine: string; keys: string } {
  return { engine: `${machine.container}-engine`, keys: `${machine.container}-keys` };
}

/** Not `Privileged`: that fails if this machine itself lacks a capability. */
const nestedEngine = {
  CapAdd: ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'MKNOD'],
  SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
  // The API's form of `systempaths=unconfined`.
  MaskedPaths: [],
  ReadonlyPaths: [],
  // The inner engine's cgroups end with the machine's.
  CgroupnsMode: 'private',
};

/** Creates and starts the machine; resolves once its container runs, before its services respond. */
export async function createMachine(
  context: Context,
  machine: Machine,
  image: string,
  { publicKey, userData, sshFrom, delays }: FirstBoot = {},
): Promise<void> {
  const ownLabels = { [labels.sandbox]: machine.sandbox, ...machine.labels };
  const { engine, keys } = volumeNames(machine);
  for (const name of [engine, keys]) await context.docker.createVolume({ Name: name, Labels: ownLabels });
  const container = await context.docker.createContainer({
    name: machine.container,
    Image: image,
    Hostname: machine.name,
    Env: [
      `REGISTRY_PORT=${machine.network.registryPort}`,
      `REGISTRY_ADDRESS=${address(machine.network, 'registry')}`,
      ...(publicKey === undefined ? [] : [`FIRST_KEY=${publicKey}`]),
      ...(userData === undefined ? [] : [`USER_DATA=${userData}`]),
      ...(sshFrom === undefined ? [] : [`SSH_FROM=${sshFrom}`]),
      ...(delays === undefined ? [] : [`DELAYS=${delays.sshd} ${delays.key} ${delays.engine}`]),
    ],
    Labels: ownLabels,
    HostConfig: {
      ...nestedEngine,
      NetworkMode: machine.network.name,
      Mounts: [
        { Type: 'volume', Source: engine, Target: '/var/lib/docker' },
        { Type: 'volume', Source: keys, Target: '/etc/ssh/host-keys' },
      ],
      Tmpfs: { '/run': 'rw,exec,nosuid,mode=755' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '5m' } },
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [machine.network.name]: { IPAMConfig: { IPv4Address: machine.address }, Aliases: [machine.name] },
      },
    },
  });
  await container.start();
}

async function notReadyFailure(context: Context, machine: Machine, problem: string): Promise<SandboxFailure> {
  const log = await readConsole(context, machine, 8).catch(() => '');
  return new SandboxFailure('machine.unready', `${machine.name} did not become ready: ${problem}\n${log}`, {
    hint: `run: docker logs ${machine.container}`,
  });
}

/** Returns the last `tail` lines of the console, or an empty string if the machine does not exist. */
export async function readConsole(context: Context, machine: Machine, tail: number): Promise<string> {
  const logs = context.docker.getContainer(machine.container).logs({ stdout: true, stderr: true, tail });
  const raw = await ifExists(logs);
  return raw === undefined ? '' : demultiplex(raw);
}

/** The Docker API puts an 8-byte header before each line. */
function demultiplex(raw: Buffer): string {
  const lines: string[] = [];
  for (let offset = 0; offset + 8 <= raw.length; ) {
    const size = raw.readUInt32BE(offset + 4);
    lines.push(raw.toString('utf8', offset + 8, offset + 8 + size).trimEnd());
    offset += 8 + size;
  }
  return lines.join('\n');
}

/** Returns whether an SSH server sends its banner within 2 s. */
export function sshResponds(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial({ host, port, timeout: 2_000 });
    const answer = (responds: boolean) => {
      socket.destroy();
      resolve(responds);
    };
    socket.once('data', (data) => answer(data.toString('latin1').startsWith('SSH-2.0-')));
    socket
      .once('timeout', () => answer(false))
      .once('error', () => answer(false))
      .once('close', () => answer(false));
  });
}

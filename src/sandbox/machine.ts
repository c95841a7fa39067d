import { createHash } from 'node:crypto';
import { connect as dial } from 'node:net';
import type { Context } from './context.js';
import { belongingTo, execute, ifExists, isStatus, labels } from './docker.js';
import { SandboxFailure } from './failure.js';
import { address, type Network } from './network.js';
import { waitFor } from './wait.js';

/** One machine: a container that runs sshd and a Docker engine of its own. */
export interface Machine {
  readonly sandbox: string;
  readonly network: Network;
  /** Its host name: `sandbox-1`. */
  readonly name: string;
  /** An instance ID as EC2's look, the same until `down`. */
  readonly id: string;
  /** The container, for `docker exec`. */
  readonly container: string;
  /** On the private network. Linux routes to it; where Docker runs in a virtual machine nothing does. */
  readonly address: string;
  /** What its container and volumes carry, beside the sandbox's name. */
  readonly labels: Readonly<Record<string, string>>;
}

/** One of the machines that `up` makes. */
export interface OwnMachine extends Machine {
  /** 1 for sandbox-1 */
  readonly number: number;
}

/** What a machine does when it is started for the first time. */
export interface FirstBoot {
  /** Is let in as every user, by its line of authorized_keys. */
  readonly publicKey?: string | undefined;
  /** Base64; run as root when it begins with `#!`. */
  readonly userData?: string | undefined;
  /** The only address that its sshd hears, at every start. */
  readonly sshFrom?: string | undefined;
  /** How long each waits for the one before it, s: sshd for the start, the key for sshd, the engine for the key. */
  readonly delays?: { readonly sshd: number; readonly key: number; readonly engine: number } | undefined;
}

/** `stopped`: its container does not run; `unready`: something in it does not answer. */
export type MachineState = 'ready' | 'unready' | 'stopped';

/** The machine of this number, whether it exists or not. */
export function machine(sandbox: string, network: Network, number: number): OwnMachine {
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

/** The machine that is in the public subnet for the way to those in private ones; it has no engine. */
export function bastion(sandbox: string, network: Network): Machine {
  return {
    ...{ sandbox, network, name: 'bastion', id: idOf(network, 'bastion') },
    ...{ container: `oneclick-${sandbox}-bastion`, address: address(network, 'bastion') },
    labels: { [labels.role]: 'bastion' },
  };
}

function idOf(network: Network, name: string): string {
  return `i-${createHash('sha256').update(`${network.id}/${name}`).digest('hex').slice(0, 17)}`;
}

/** The machine of an instance that the API was asked for. */
export function instanceMachine(
  sandbox: string,
  network: Network,
  it: Pick<Machine, 'id' | 'name' | 'address'>,
): Machine {
  const { id, name, address } = it;
  const own = { [labels.instance]: id, [labels.role]: 'instance' };
  return { sandbox, network, id, name, address, container: `oneclick-${sandbox}-${id}`, labels: own };
}

/** The machines that exist, by number: also one whose container was removed, as long as its disk is there. */
export async function listMachines(
  context: Context,
  sandbox: string,
  network: Network,
): Promise<OwnMachine[]> {
  const containers = await context.docker.listContainers({
    all: true,
    filters: belongingTo(sandbox, 'machine'),
  });
  const { Volumes } = await context.docker.listVolumes({ filters: belongingTo(sandbox) });
  const names = [...containers, ...(Volumes ?? [])].map((made) => made.Labels?.[labels.machine]);
  const numbers = new Set(names.flatMap((name) => (name === undefined ? [] : [Number(name.split('-')[1])])));
  return [...numbers].sort((a, b) => a - b).map((number) => machine(sandbox, network, number));
}

/**
 * Makes the machine, or repairs it with the mildest means that helps: start, restart, make anew. A machine made
 * anew has an empty disk, but its address, ID and host key. Resolves when it is ready.
 * @throws SandboxFailure with the machine's last log lines when even a new one does not become ready
 */
export async function ensureMachine(context: Context, it: Machine, image: string): Promise<void> {
  const container = context.docker.getContainer(it.container);
  const present = await ifExists(container.inspect());
  const placed = present?.NetworkSettings.Networks[it.network.name]?.IPAMConfig as {
    IPv4Address?: string;
  } | null;
  if (present !== undefined && placed?.IPv4Address === it.address) {
    if (present.State.Paused) await container.unpause();
    const running = present.State.Running;
    const lacking = running ? await waitUntilReady(context, it, 10_000) : 'it is stopped';
    if (lacking === undefined) return;
    context.progress(`${it.name}: ${lacking}; ${running ? 'restarting' : 'starting'} it`);
    try {
      await (running ? container.restart({ t: 5 }) : container.start());
      if ((await waitUntilReady(context, it, 60_000)) === undefined) return;
    } catch (error) {
      if (!isStatus(error, 304, 404, 409, 500)) throw error;
    }
    context.progress(`${it.name}: that did not help; making it anew`);
  }
  if (present === undefined) context.progress(`${it.name}: starting it at ${it.address}`);
  await removeMachine(context, it, { keepKeys: true });
  await createMachine(context, it, image);
  const lacking = await waitUntilReady(context, it, 90_000);
  if (lacking !== undefined) throw await neverReady(context, it, lacking);
}

/** What the machine still lacks after at most `ms`; a machine that has ended is not waited for. */
async function waitUntilReady(context: Context, it: Machine, ms: number): Promise<string | undefined> {
  let lacking: string | undefined;
  const probe = async () => {
    lacking = await machineLacks(context, it);
    return lacking === ended ? undefined : lacking;
  };
  try {
    await waitFor(context, `${it.name} at ${it.address}`, ms, probe);
  } catch (error) {
    if (!(error instanceof SandboxFailure) || error.code !== 'sandbox.timeout') throw error;
  }
  return lacking;
}

const ended = 'it does not run';

/** What the machine lacks, in a few words; nothing when sshd, its engine and the way to the registry answer. */
export async function machineLacks(context: Context, it: Machine): Promise<string | undefined> {
  const present = await ifExists(context.docker.getContainer(it.container).inspect());
  if (!present?.State.Running || present.State.Paused) return ended;
  if (!(await greets(it.address, 22))) return 'its sshd does not answer';
  try {
    const { exitCode, output } = await execute(context.docker, it.container, ['ready']);
    return exitCode === 0 ? undefined : output;
  } catch (error) {
    if (isStatus(error, 404, 409, 500)) return ended;
    throw error;
  }
}

/** Whether the machine can be used. */
export async function machineState(context: Context, it: Machine): Promise<MachineState> {
  const lacking = await machineLacks(context, it);
  return lacking === undefined ? 'ready' : lacking === ended ? 'stopped' : 'unready';
}

/** Lets the holder of the private key of `publicKey` in, as root, deploy and ops. */
export async function authorize(
  context: Context,
  it: Pick<Machine, 'name' | 'container'>,
  publicKey: string,
): Promise<void> {
  const { exitCode, output } = await execute(context.docker, it.container, ['authorize', publicKey]);
  if (exitCode !== 0) throw new SandboxFailure('machine.key', `${it.name} did not take the key: ${output}`);
}

/** The public host key of a running machine, as known_hosts writes it: `ssh-ed25519 AAAA…`. */
export async function hostKey(context: Context, it: Pick<Machine, 'container'>): Promise<string> {
  const { output } = await execute(context.docker, it.container, ['cat', '/etc/ssh/host-keys/ed25519.pub']);
  return output.split(' ').slice(0, 2).join(' ');
}

/** Removes the machine and its disk; with `keepKeys` a machine of this number will have the same host key. */
export async function removeMachine(
  context: Context,
  it: Machine,
  { keepKeys }: { readonly keepKeys: boolean },
): Promise<void> {
  await ifExists(context.docker.getContainer(it.container).remove({ force: true, v: true }));
  const { engine, keys } = volumes(it);
  for (const name of keepKeys ? [engine] : [engine, keys]) {
    await ifExists(context.docker.getVolume(name).remove());
  }
}

function volumes(it: Machine): { engine: string; keys: string } {
  return { engine: `${it.container}-engine`, keys: `${it.container}-keys` };
}

/** What a machine's own engine needs. Not `Privileged`: that fails where this machine itself lacks a capability. */
const nestedEngine = {
  CapAdd: ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'MKNOD'],
  SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
  // The API's form of the command line's `systempaths=unconfined`.
  MaskedPaths: [],
  ReadonlyPaths: [],
  // The inner engine's cgroups lie below the machine's own, and go with it.
  CgroupnsMode: 'private',
};

/** Makes the machine and starts it; resolves when its container runs, which is before anything in it answers. */
export async function createMachine(
  context: Context,
  it: Machine,
  image: string,
  { publicKey, userData, sshFrom, delays }: FirstBoot = {},
): Promise<void> {
  const own = { [labels.sandbox]: it.sandbox, ...it.labels };
  const { engine, keys } = volumes(it);
  for (const name of [engine, keys]) await context.docker.createVolume({ Name: name, Labels: own });
  const container = await context.docker.createContainer({
    name: it.container,
    Image: image,
    Hostname: it.name,
    Env: [
      `REGISTRY_PORT=${it.network.registryPort}`,
      `REGISTRY_ADDRESS=${address(it.network, 'registry')}`,
      ...(publicKey === undefined ? [] : [`FIRST_KEY=${publicKey}`]),
      ...(userData === undefined ? [] : [`USER_DATA=${userData}`]),
      ...(sshFrom === undefined ? [] : [`SSH_FROM=${sshFrom}`]),
      ...(delays === undefined ? [] : [`DELAYS=${delays.sshd} ${delays.key} ${delays.engine}`]),
    ],
    Labels: own,
    HostConfig: {
      ...nestedEngine,
      NetworkMode: it.network.name,
      Mounts: [
        { Type: 'volume', Source: engine, Target: '/var/lib/docker' },
        { Type: 'volume', Source: keys, Target: '/etc/ssh/host-keys' },
      ],
      Tmpfs: { '/run': 'rw,exec,nosuid,mode=755' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '5m' } },
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [it.network.name]: { IPAMConfig: { IPv4Address: it.address }, Aliases: [it.name] },
      },
    },
  });
  await container.start();
}

async function neverReady(context: Context, it: Machine, lacking: string): Promise<SandboxFailure> {
  const log = await consoleOf(context, it, 8).catch(() => '');
  return new SandboxFailure('machine.unready', `${it.name} does not become ready: ${lacking}\n${log}`, {
    hint: `docker logs ${it.container}`,
  });
}

/** The last lines that a machine has written to its console; nothing of one that does not exist. */
export async function consoleOf(context: Context, it: Machine, tail: number): Promise<string> {
  const logs = context.docker.getContainer(it.container).logs({ stdout: true, stderr: true, tail });
  const raw = await ifExists(logs);
  return raw === undefined ? '' : printable(raw);
}

/** The text of a log as the Docker API frames it: 8 bytes of header before each line. */
function printable(raw: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const size = raw.readUInt32BE(at + 4);
    lines.push(raw.toString('utf8', at + 8, at + 8 + size).trimEnd());
    at += 8 + size;
  }
  return lines.join('\n');
}

/** Whether an SSH server says its first line within 2 s. */
export function greets(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial({ host, port, timeout: 2_000 });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('data', (data) => answer(data.toString('latin1').startsWith('SSH-2.0-')));
    socket
      .once('timeout', () => answer(false))
      .once('error', () => answer(false))
      .once('close', () => answer(false));
  });
}

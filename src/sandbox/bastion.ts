import type { Context } from './context.js';
import { ifExists, labels } from './docker.js';
import { authorizeKey, bastionMachine, hostKey, sshResponds } from './machine.js';
import type { Network } from './network.js';
import type { HostEntry } from './state.js';
import { waitFor } from './wait.js';

/** Creates or repairs the sandbox's bastion and authorizes the key; resolves once sshd responds. */
export async function ensureBastion(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
  publicKey: string,
): Promise<HostEntry> {
  const machine = bastionMachine(sandbox, network);
  const { docker } = context;
  const present = await ifExists(docker.getContainer(machine.container).inspect());
  if (!present?.State.Running || present.State.Paused || !(await sshResponds(machine.address, 22))) {
    if (present !== undefined) await docker.getContainer(machine.container).remove({ force: true });
    const ownLabels = { [labels.sandbox]: sandbox, ...machine.labels };
    const keys = `${machine.container}-keys`;
    await docker.createVolume({ Name: keys, Labels: ownLabels });
    const container = await docker.createContainer({
      name: machine.container,
      Image: image,
      Hostname: machine.name,
      Cmd: ['bastion'],
      Labels: ownLabels,
      HostConfig: {
        NetworkMode: network.name,
        Mounts: [{ Type: 'volume', Source: keys, Target: '/etc/ssh/host-keys' }],
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      },
      NetworkingConfig: {
        EndpointsConfig: {
          [network.name]: { IPAMConfig: { IPv4Address: machine.address }, Aliases: [machine.name] },
        },
      },
    });
    await container.start();
    await waitFor(context, `the bastion at ${machine.address}`, 30_000, async () =>
      (await sshResponds(machine.address, 22)) ? undefined : 'sshd does not respond',
    );
  }
  await authorizeKey(context, machine, publicKey);
  const { name, id, address } = machine;
  return { name, id, address, hostKey: await hostKey(context, machine) };
}

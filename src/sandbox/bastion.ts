import type { Context } from './context.js';
import { ifExists, labels } from './docker.js';
import { authorize, bastion, greets, hostKey } from './machine.js';
import type { Network } from './network.js';
import type { Listed } from './state.js';
import { waitFor } from './wait.js';

/** Makes the sandbox's bastion, or repairs it, and lets the holder of the key in; resolves when its sshd answers. */
export async function ensureBastion(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
  publicKey: string,
): Promise<Listed> {
  const it = bastion(sandbox, network);
  const { docker } = context;
  const present = await ifExists(docker.getContainer(it.container).inspect());
  if (!present?.State.Running || present.State.Paused || !(await greets(it.address, 22))) {
    if (present !== undefined) await docker.getContainer(it.container).remove({ force: true });
    const own = { [labels.sandbox]: sandbox, ...it.labels };
    const keys = `${it.container}-keys`;
    await docker.createVolume({ Name: keys, Labels: own });
    const container = await docker.createContainer({
      name: it.container,
      Image: image,
      Hostname: it.name,
      Cmd: ['bastion'],
      Labels: own,
      HostConfig: {
        NetworkMode: network.name,
        Mounts: [{ Type: 'volume', Source: keys, Target: '/etc/ssh/host-keys' }],
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      },
      NetworkingConfig: {
        EndpointsConfig: { [network.name]: { IPAMConfig: { IPv4Address: it.address }, Aliases: [it.name] } },
      },
    });
    await container.start();
    await waitFor(context, `the bastion at ${it.address}`, 30_000, async () =>
      (await greets(it.address, 22)) ? undefined : 'its sshd does not answer',
    );
  }
  await authorize(context, it, publicKey);
  return { name: it.name, id: it.id, address: it.address, hostKey: await hostKey(context, it) };
}

import { get } from 'node:http';
import type { Context } from './context.js';
import { belongingTo, ifExists, labels } from './docker.js';
import { address, type Network } from './network.js';
import { waitFor } from './wait.js';

/** The registry's name for this machine's engine and for every machine's: loopback needs no certificate. */
export function registryName(network: Network): string {
  return `127.0.0.1:${network.registryPort}`;
}

/** Makes the sandbox's registry, or repairs it; resolves when it answers. What it stores is in a volume. */
export async function ensureRegistry(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
): Promise<void> {
  const name = `oneclick-${sandbox}-registry`;
  const ready = () =>
    waitFor(context, `the registry at ${registryName(network)}`, 30_000, () => registryLacks(network));
  const present = await ifExists(context.docker.getContainer(name).inspect());
  if (present?.State.Running && (await registryLacks(network)) === undefined) return;
  if (present !== undefined) {
    context.progress('The registry does not answer: making it anew');
    await context.docker.getContainer(name).remove({ force: true });
  }
  context.progress(`Starting the registry at ${registryName(network)}`);
  const own = { [labels.sandbox]: sandbox, [labels.role]: 'registry' };
  await context.docker.createVolume({ Name: name, Labels: own });
  const container = await context.docker.createContainer({
    name,
    Image: image,
    Hostname: 'registry',
    Cmd: ['docker-registry', 'serve', '/etc/registry.yml'],
    Labels: own,
    ExposedPorts: { '5000/tcp': {} },
    HostConfig: {
      NetworkMode: network.name,
      PortBindings: { '5000/tcp': [{ HostIp: '127.0.0.1', HostPort: String(network.registryPort) }] },
      Mounts: [{ Type: 'volume', Source: name, Target: '/var/lib/registry' }],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [network.name]: { IPAMConfig: { IPv4Address: address(network, 'registry') }, Aliases: ['registry'] },
      },
    },
  });
  await container.start();
  await ready();
}

/** Whether the sandbox has a registry container. */
export async function hasRegistry(context: Context, sandbox: string): Promise<boolean> {
  const filters = belongingTo(sandbox, 'registry');
  return (await context.docker.listContainers({ all: true, filters })).length > 0;
}

function registryLacks(network: Network): Promise<string | undefined> {
  return lacksAnswer(`http://${registryName(network)}/v2/`);
}

/** Nothing when the address answers a GET with 2xx, else a few words on what it does instead. */
export function lacksAnswer(url: string): Promise<string | undefined> {
  // Not `fetch`: of a port that accepts and hangs up, as the engine's proxy does at first, it may never tell.
  return new Promise((resolve) => {
    const asked = get(url, { agent: false, timeout: 3_000 }, (reply) => {
      const { statusCode = 0 } = reply.resume();
      resolve(statusCode >= 200 && statusCode < 300 ? undefined : `it answers ${statusCode}`);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 3 s')));
    asked.on('error', ({ message }) => resolve(message));
  });
}

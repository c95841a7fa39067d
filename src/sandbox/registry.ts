import { get } from 'node:http';
import type { Context } from './context.js';
import { ifExists, labels, sandboxFilter } from './docker.js';
import { address, type Network } from './network.js';
import { waitFor } from './wait.js';

/** Returns the registry's name, valid on every machine: loopback needs no certificate. */
export function registryName(network: Network): string {
  return `127.0.0.1:${network.registryPort}`;
}

/** Creates or repairs the sandbox's registry; resolves once it responds. Images are kept in a volume. */
export async function ensureRegistry(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
): Promise<void> {
  const name = `oneclick-${sandbox}-registry`;
  const ready = () =>
    waitFor(context, `the registry at ${registryName(network)}`, 30_000, () => registryProblem(network));
  const present = await ifExists(context.docker.getContainer(name).inspect());
  if (present?.State.Running && (await registryProblem(network)) === undefined) return;
  if (present !== undefined) {
    context.progress('the registry does not respond; recreating');
    await context.docker.getContainer(name).remove({ force: true });
  }
  context.progress(`starting the registry at ${registryName(network)}`);
  const ownLabels = { [labels.sandbox]: sandbox, [labels.role]: 'registry' };
  await context.docker.createVolume({ Name: name, Labels: ownLabels });
  const container = await context.docker.createContainer({
    name,
    Image: image,
    Hostname: 'registry',
    Cmd: ['docker-registry', 'serve', '/etc/registry.yml'],
    Labels: ownLabels,
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

/** Returns whether the sandbox has a registry container. */
export async function hasRegistry(context: Context, sandbox: string): Promise<boolean> {
  const filters = sandboxFilter(sandbox, 'registry');
  return (await context.docker.listContainers({ all: true, filters })).length > 0;
}

function registryProblem(network: Network): Promise<string | undefined> {
  return httpProblem(`http://${registryName(network)}/v2/`);
}

/** Returns why a GET does not get a 2xx response, or `undefined` if it does. */
export function httpProblem(url: string): Promise<string | undefined> {
  // `fetch` may hang on a port that accepts and hangs up.
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 3_000 }, (reply) => {
      const { statusCode = 0 } = reply.resume();
      resolve(statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`);
    });
    request.on('timeout', () => request.destroy(new Error('no response within 3 s')));
    request.on('error', ({ message }) => resolve(message));
  });
}

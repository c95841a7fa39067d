import type { HostAddress } from '../domain/environment.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import { absolutePath } from './files.js';
import type { Layers } from './layers.js';
import { parseSshAddress } from './parsers.js';
import type { WrittenHost, WrittenSsh } from './schema.js';

/** A machine of an environment: how it is reached, its instance ID, and what may run there (everything when undefined). */
export interface EnvironmentHost {
  readonly address: HostAddress;
  readonly id: string;
  /** Whether its address is; without, only the name is to be trusted. */
  readonly known: boolean;
  readonly services?: readonly string[];
}

/** The hosts of the environment; what is wrong is reported to the layers. */
export function environmentHosts(layers: Layers, home: string): EnvironmentHost[] {
  const ssh = sshSettings(layers, home);
  const bastion = ssh.bastion ? bastionAddress(layers, ssh, ssh.bastion) : undefined;
  const written = layers.environment.written.hosts ?? [];
  if (written.length === 0 && layers.variables !== undefined)
    layers.reportEnvironment(['hosts'], `${layers.environment.name} has no hosts`, { end: 'key' });
  const hosts = written.map((host) => environmentHost(layers, host, ssh, bastion, home));
  checkTwins(layers, written, hosts);
  return hosts;
}

function environmentHost(
  layers: Layers,
  written: WrittenHost,
  ssh: WrittenSsh,
  bastion: HostAddress | undefined,
  home: string,
): EnvironmentHost {
  const report = (message: string) => layers.reportEnvironment(['hosts', ...written.at], message);
  const text = layers.put(written.address ?? written.name ?? '', report);
  const parsed = text === undefined ? undefined : layers.attempt(() => parseSshAddress(text), report);
  const address = parsed?.address ?? '';
  const name = written.name ?? address;
  for (const service of written.services ?? [])
    checkService(layers, service, ['hosts', ...written.at, 'services']);
  const key = written.key ? absolutePath(written.key, layers.environment.folder, home) : ssh.key;
  return {
    id: written.id ?? name,
    known: parsed !== undefined,
    ...given({ services: written.services }),
    address: {
      name,
      address,
      hostKeys: ssh.host_keys ?? 'known',
      ...given({
        port: written.port ?? parsed?.port ?? ssh.port,
        user: written.user ?? parsed?.user ?? ssh.user,
        key,
        knownHosts: ssh.known_hosts,
        bastion,
      }),
    },
  };
}

/** The settings of the environment, else the project's, key by key; a bastion is taken as a whole. */
function sshSettings(layers: Layers, home: string): WrittenSsh {
  const from = (ssh: WrittenSsh | null | undefined, folder: string): WrittenSsh => {
    const full = (path: string | null | undefined) => (path ? absolutePath(path, folder, home) : path);
    if (!ssh) return {};
    const { bastion, ...rest } = ssh;
    const paths = (map: { key?: string | null | undefined; known_hosts?: string | null | undefined }) => ({
      ...(map.key === undefined ? {} : { key: full(map.key) }),
      ...(map.known_hosts === undefined ? {} : { known_hosts: full(map.known_hosts) }),
    });
    return {
      ...rest,
      ...paths(rest),
      ...(bastion === undefined ? {} : { bastion: bastion && { ...bastion, ...paths(bastion) } }),
    };
  };
  const { project, environment } = layers;
  return {
    ...from(project.written.ssh, project.folder),
    ...from(environment.written.ssh, environment.folder),
  };
}

function bastionAddress(
  layers: Layers,
  ssh: WrittenSsh,
  written: NonNullable<WrittenSsh['bastion']>,
): HostAddress {
  const report = (message: string) => layers.report(['ssh', 'bastion'], message);
  if (!written.address) report('bastion: address is missing');
  const text = written.address ? layers.put(written.address, report) : undefined;
  const parsed = text === undefined ? undefined : layers.attempt(() => parseSshAddress(text), report);
  const address = parsed?.address ?? '';
  return {
    name: address,
    address,
    hostKeys: written.host_keys ?? ssh.host_keys ?? 'known',
    ...given({
      port: written.port ?? parsed?.port,
      user: written.user ?? parsed?.user,
      key: written.key ?? ssh.key,
      knownHosts: written.known_hosts ?? ssh.known_hosts,
    }),
  };
}

/** Two names for one machine would be two instances that fight over its ports. */
function checkTwins(
  layers: Layers,
  written: readonly WrittenHost[],
  hosts: readonly EnvironmentHost[],
): void {
  const seen = {
    name: new Map<string, string>(),
    id: new Map<string, string>(),
    place: new Map<string, string>(),
  };
  for (const [index, { address, id, known }] of hosts.entries()) {
    const at = ['hosts', ...(written[index]?.at ?? [])];
    if (!known) continue;
    const place = `${address.address}:${address.port ?? 22}`;
    const twin =
      (seen.name.has(address.name) && `there are two hosts "${address.name}"`) ||
      (seen.id.has(id) && `"${seen.id.get(id)}" has the instance ID ${id} too`) ||
      (seen.place.has(place) && `"${seen.place.get(place)}" is the same machine, ${place}`);
    if (twin) layers.reportEnvironment(at, twin, { end: 'key' });
    seen.name.set(address.name, address.name);
    seen.id.set(id, address.name);
    seen.place.set(place, address.name);
  }
}

/** Reports a service that the project does not have. */
export function checkService(layers: Layers, name: string, at: readonly PropertyKey[]): void {
  const names = Object.keys(layers.project.written.services);
  if (names.includes(name)) return;
  const suggestion = nearest(name, names);
  layers.reportEnvironment(
    at,
    `there is no service "${name}"`,
    suggestion === undefined ? { end: 'key' } : { end: 'key', suggestion },
  );
}

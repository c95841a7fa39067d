import type { HostAddress } from '../domain/environment.js';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import { unknownName } from '../domain/unknown-name.js';
import { absolutePath } from './files.js';
import type { Layers } from './layers.js';
import { parseSshAddress } from './parsers.js';
import type { HostConfig, SshConfig } from './schema.js';

/** A host of an environment. */
export interface EnvironmentHost {
  readonly address: HostAddress;
  readonly id: string;
  /** False if the address depends on a variable that is not set. */
  readonly isResolved: boolean;
  /** The services that may run here; undefined for all. */
  readonly services?: readonly string[];
}

/** Returns the hosts of the environment. Reports problems to `layers`. */
export function environmentHosts(layers: Layers, home: string): EnvironmentHost[] {
  const ssh = sshSettings(layers, home);
  const bastion = ssh.bastion ? bastionAddress(layers, ssh, ssh.bastion) : undefined;
  const config = layers.environment.config.hosts ?? [];
  if (config.length === 0 && layers.variables !== undefined)
    layers.reportEnvironment(['hosts'], `${layers.environment.name} has no hosts`, { end: 'key' });
  const hosts = config.map((host) => environmentHost(layers, host, ssh, bastion, home));
  checkDuplicates(layers, config, hosts);
  return hosts;
}

function environmentHost(
  layers: Layers,
  config: HostConfig,
  ssh: SshConfig,
  bastion: HostAddress | undefined,
  home: string,
): EnvironmentHost {
  const report = (message: string) => layers.reportEnvironment(['hosts', ...config.at], message);
  const text = layers.interpolate(config.address ?? config.name ?? '', report);
  const parsed = text === undefined ? undefined : layers.attempt(() => parseSshAddress(text), report);
  const address = parsed?.address ?? '';
  const name = config.name ?? address;
  for (const service of config.services ?? [])
    checkService(layers, service, ['hosts', ...config.at, 'services']);
  const key = config.key ? absolutePath(config.key, layers.environment.folder, home) : ssh.key;
  return {
    id: config.id ?? name,
    isResolved: parsed !== undefined,
    ...given({ services: config.services }),
    address: {
      name,
      address,
      hostKeys: ssh.host_keys ?? 'known',
      ...given({
        port: config.port ?? parsed?.port ?? ssh.port,
        user: config.user ?? parsed?.user ?? ssh.user,
        key,
        knownHosts: ssh.known_hosts,
        transport: ssh.transport === 'system' ? ssh.transport : undefined,
        bastion,
      }),
    },
  };
}

/** Merges the environment's settings over the project's; `bastion` is replaced as a whole. */
function sshSettings(layers: Layers, home: string): SshConfig {
  const from = (ssh: SshConfig | null | undefined, folder: string): SshConfig => {
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
    ...from(project.config.ssh, project.folder),
    ...from(environment.config.ssh, environment.folder),
  };
}

function bastionAddress(
  layers: Layers,
  ssh: SshConfig,
  config: NonNullable<SshConfig['bastion']>,
): HostAddress {
  const report = (message: string) => layers.report(['ssh', 'bastion'], message);
  if (!config.address) report('bastion: address is missing');
  const text = config.address ? layers.interpolate(config.address, report) : undefined;
  const parsed = text === undefined ? undefined : layers.attempt(() => parseSshAddress(text), report);
  const address = parsed?.address ?? '';
  return {
    name: address,
    address,
    hostKeys: config.host_keys ?? ssh.host_keys ?? 'known',
    ...given({
      port: config.port ?? parsed?.port,
      user: config.user ?? parsed?.user,
      key: config.key ?? ssh.key,
      knownHosts: config.known_hosts ?? ssh.known_hosts,
      transport: ssh.transport === 'system' ? ssh.transport : undefined,
    }),
  };
}

/** Reports hosts that share a name, an ID or an address: their containers would compete for ports. */
function checkDuplicates(
  layers: Layers,
  config: readonly HostConfig[],
  hosts: readonly EnvironmentHost[],
): void {
  const seen = {
    name: new Map<string, string>(),
    id: new Map<string, string>(),
    place: new Map<string, string>(),
  };
  for (const [index, { address, id, isResolved: known }] of hosts.entries()) {
    const at = ['hosts', ...(config[index]?.at ?? [])];
    if (!known) continue;
    const place = `${address.address}:${address.port ?? 22}`;
    const duplicate =
      (seen.name.has(address.name) && `host ${address.name} is defined twice`) ||
      (seen.id.has(id) && `instance ID ${id} is already used by ${seen.id.get(id)}`) ||
      (seen.place.has(place) && `${place} is already used by ${seen.place.get(place)}`);
    if (duplicate) layers.reportEnvironment(at, duplicate, { end: 'key' });
    seen.name.set(address.name, address.name);
    seen.id.set(id, address.name);
    seen.place.set(place, address.name);
  }
}

/** Reports `name` if the project has no such service. */
export function checkService(layers: Layers, name: string, at: readonly PropertyKey[]): void {
  const names = Object.keys(layers.project.config.services);
  if (names.includes(name)) return;
  const suggestion = nearest(name, names);
  layers.reportEnvironment(
    at,
    unknownName('service', name, names),
    suggestion === undefined ? { end: 'key' } : { end: 'key', suggestion },
  );
}

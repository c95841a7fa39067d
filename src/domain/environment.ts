import type { Service } from './service.js';

/** How to reach a host over SSH. Missing values come from `~/.ssh/config`, as with `ssh`. */
export interface HostAddress {
  /** The name shown in output. */
  readonly name: string;
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  /** Path to a private key. */
  readonly key?: string;
  /** Path to a known_hosts file that replaces the user's own. */
  readonly knownHosts?: string;
  /** `known` rejects unknown host keys; `accept-new` accepts and saves them. */
  readonly hostKeys: 'known' | 'accept-new';
  /** `system` connects with the system's `ssh`; otherwise it is used only where it is needed. */
  readonly transport?: 'system';
  /** The jump host for this host. */
  readonly bastion?: HostAddress;
}

/** Identifies an environment. Labels, locks and volume names are derived from it. */
export interface EnvironmentId {
  readonly project: string;
  readonly environment: string;
}

export function environmentId({ project, name }: Pick<Environment, 'project' | 'name'>): EnvironmentId {
  return { project, environment: name };
}

/** A complete set of services with its hosts, such as `production`. */
export interface Environment {
  readonly project: string;
  readonly name: string;
  /** The registry for built images, as a prefix of references. */
  readonly registry?: string;
  readonly services: readonly Service[];
  readonly hosts: readonly HostAddress[];
  /** The instance ID of each host, if it is not the host's name. */
  readonly instanceIds?: Readonly<Record<string, string>>;
}

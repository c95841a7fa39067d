import type { Service } from './service.js';

/** How a host is reached over SSH. What is absent is taken from `~/.ssh/config`, as `ssh` would. */
export interface HostAddress {
  /** The name that people and output use. */
  readonly name: string;
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  /** Path of a private key. */
  readonly key?: string;
  /** Path of a known_hosts file, instead of the user's own. */
  readonly knownHosts?: string;
  /** Whether an unknown host key is refused, or accepted and remembered. */
  readonly hostKeys: 'known' | 'accept-new';
  /** The host through which this one is reached. */
  readonly bastion?: HostAddress;
}

/** Which environment of which project: what labels, locks and names of volumes are made of. */
export interface EnvironmentId {
  readonly project: string;
  readonly environment: string;
}

export function environmentId({ project, name }: Pick<Environment, 'project' | 'name'>): EnvironmentId {
  return { project, environment: name };
}

/** A named, complete set of running services: `production`, or a test environment. */
export interface Environment {
  readonly project: string;
  readonly name: string;
  /** The registry that built images are pushed to and pulled from, as a prefix of references. */
  readonly registry?: string;
  readonly services: readonly Service[];
  readonly hosts: readonly HostAddress[];
}

import type { Activation } from './release.js';
import type { CloudInstance, InboundRule, TargetGroup, TargetHealth } from './target-group.js';

/** A container as its engine reports it. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The image reference that the container was created from. */
  readonly image: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** The HEALTHCHECK status, if the image has one. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy';
  readonly restart: string;
  /** Host ports that it publishes while it runs. */
  readonly ports: readonly number[];
  /** The last exit code, also while it is restarting. */
  readonly exit?: number;
  /** Set if it was killed for exceeding its memory limit. */
  readonly outOfMemory?: true;
  /** How often the engine restarted it; absent for 0. */
  readonly restarts?: number;
  /** ISO 8601, by the engine's clock. */
  readonly started?: string;
  readonly networks: readonly string[];
  /** Its aliases, by network; without the short ID that the engine adds. Absent if it has none. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** The addresses that it was given instead of any free one, by network. Absent if it has none. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** The names of the volumes that it mounts. */
  readonly volumes?: readonly string[];
  /** Its IP address while it runs, for connections that bypass the engine's proxy. */
  readonly address?: string;
  /** Names of secrets that have changed since it was created. */
  readonly staleSecrets?: readonly string[];
}

/** A container with data that must not be stored. */
export interface InspectedContainer extends ContainerFacts {
  /** `NAME=value` lines with secret values: only compared in memory. Empty for containers without our labels. */
  readonly env: readonly string[];
}

export interface ImageFacts {
  readonly id: string;
  /** `repository@sha256:…` */
  readonly digests: readonly string[];
  readonly tags: readonly string[];
  /** Bytes. */
  readonly size: number;
}

export interface NetworkFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A named volume. */
export interface VolumeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** An image reference resolved by a registry. */
export interface ResolvedImage {
  readonly reference: string;
  readonly digest: string;
  /** `linux/amd64` */
  readonly platforms: readonly string[];
  /** Set in a dry run if a deploy would build it first: the digest is a placeholder. */
  readonly toBuild?: true;
  /** Why the registry could not be asked, if this is the digest of the current release. */
  readonly unchecked?: string;
}

/** The state of a host at one moment. */
export interface HostFacts {
  readonly host: string;
  readonly engine: { readonly version: string; readonly platform: string };
  /** Free bytes on the file system of the engine's data; undefined if unknown. */
  readonly diskFree?: number;
  /** Total bytes of that file system. */
  readonly diskSize?: number;
  /** TCP ports with a listener. */
  readonly listening: readonly number[];
  readonly containers: readonly ContainerFacts[];
  readonly networks: readonly NetworkFacts[];
  readonly volumes: readonly VolumeFacts[];
  readonly images: readonly ImageFacts[];
  /** The release log, by service, in order. */
  readonly log: Readonly<Record<string, readonly Activation[]>>;
  /** Logs that are missing on every host, rebuilt from the labels of containers; by service. */
  readonly restored?: Readonly<Record<string, readonly Activation[]>>;
  /** The IDs of adopted containers, by service; empty if this host has none. Absent if only the name is known. */
  readonly adopted?: Readonly<Record<string, string>>;
}

/** The state of a target group at one moment. */
export interface GroupFacts {
  readonly group: TargetGroup;
  readonly targets: readonly TargetHealth[];
  /** The existing instances of the services, by ID. */
  readonly instances: Readonly<Record<string, CloudInstance>>;
  /** The rules of the instances' security groups. */
  readonly rules: readonly InboundRule[];
}

/** The secrets that this machine has values for, by name only. Names in neither list were not looked up. */
export interface SecretFacts {
  /** Names of secrets with a value. */
  readonly known: readonly string[];
  /** Why the others have none, by name. */
  readonly missing: Readonly<Record<string, string>>;
}

/** The parts of the configuration that containers on the hosts are compared with. */
export interface Configured {
  /** The host names of each service. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** The instance ID of each host. */
  readonly instances: Readonly<Record<string, string>>;
  /** The hosts that could not be read. */
  readonly unread: readonly string[];
  /** By service: hosts that it was released on, and that are no longer configured, as far as this machine knows. */
  readonly former?: Readonly<Record<string, readonly string[]>>;
}

/** The input of all checks. */
export interface Facts {
  /** Absent if unknown: then every container counts as configured. */
  readonly configured?: Configured;
  /** By the name or ARN in the configuration; absent if not read. */
  readonly groups?: Readonly<Record<string, GroupFacts>>;
  readonly hosts: Readonly<Record<string, HostFacts>>;
  /** By reference. */
  readonly resolved: Readonly<Record<string, ResolvedImage>>;
  /** Absent if the command creates no containers. */
  readonly secrets?: SecretFacts;
}

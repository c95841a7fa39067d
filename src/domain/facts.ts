import type { Activation } from './release.js';
import type { CloudInstance, InboundRule, TargetGroup, TargetHealth } from './target-group.js';

/** A container as its engine shows it. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The image as the container was made from it. */
  readonly image: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** What HEALTHCHECK says, where there is one. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy';
  readonly restart: string;
  /** Ports of the host that it publishes, or will when it runs. */
  readonly ports: readonly number[];
  /** The exit code of one that ended, also when it is about to be started again. */
  readonly exit?: number;
  /** Set when it ended because it needed more memory than it may have. */
  readonly outOfMemory?: true;
  /** How often its engine started it again after it had ended by itself; absent when never. */
  readonly restarts?: number;
  /** ISO 8601, of the engine's clock. */
  readonly started?: string;
  readonly networks: readonly string[];
  /** Its own IP address while it runs: where its port is reached without the engine's proxy. */
  readonly address?: string;
  /** Names of the secrets whose value is not today's; filled in when facts are read. */
  readonly staleSecrets?: readonly string[];
}

/** A container together with what must not be kept. */
export interface InspectedContainer extends ContainerFacts {
  /** `NAME=value` lines with secret values: compared in memory, never written anywhere. Empty without our labels. */
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

/** What a registry says of a reference, asked by a host's engine. */
export interface ResolvedImage {
  readonly reference: string;
  readonly digest: string;
  /** `linux/amd64` */
  readonly platforms: readonly string[];
}

/** What one host looked like at one moment. */
export interface HostFacts {
  readonly host: string;
  readonly engine: { readonly version: string; readonly platform: string };
  /** Bytes that are free where the engine keeps its images; undefined where the host would not say. */
  readonly diskFree?: number;
  /** Bytes that there are in all at that place. */
  readonly diskSize?: number;
  /** TCP ports on which something listens. */
  readonly listening: readonly number[];
  readonly containers: readonly ContainerFacts[];
  /** The names of its networks. */
  readonly networks: readonly string[];
  readonly images: readonly ImageFacts[];
  /** The release log of the environment: by service, in order. */
  readonly log: Readonly<Record<string, readonly Activation[]>>;
}

/** What a target group looked like at one moment. */
export interface GroupFacts {
  readonly group: TargetGroup;
  readonly targets: readonly TargetHealth[];
  /** Those of the services' instances that exist, by ID. */
  readonly instances: Readonly<Record<string, CloudInstance>>;
  /** Those of the security groups of these instances. */
  readonly rules: readonly InboundRule[];
}

/** What checks look at. */
export interface Facts {
  /** By the name or the ARN that the services say; absent where nobody looked. */
  readonly groups?: Readonly<Record<string, GroupFacts>>;
  readonly hosts: Readonly<Record<string, HostFacts>>;
  /** By reference. */
  readonly resolved: Readonly<Record<string, ResolvedImage>>;
}

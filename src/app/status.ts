import { failedContainers } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import type { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { label } from '../domain/labels.js';
import { current, releaseLog } from '../domain/log.js';
import { isUp, leftoverContainers, serving } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import { type ServiceStatus, serviceStatus } from '../domain/service-status.js';
import { singletonElsewhere } from '../domain/singleton.js';
import { describeUnconfigured, unconfiguredServices } from '../domain/unconfigured.js';
import type { Holder } from '../host/lease/lease-holder.js';
import { formerHosts } from './former-hosts.js';
import type { ReadableRun } from './runs.js';

/** The state of an environment, as printed by `status --json`. */
export interface StatusDocument {
  readonly environment: string;
  readonly services: readonly {
    readonly name: string;
    /** The current release; null before the first. */
    readonly release: number | null;
    readonly instances: readonly InstanceStatus[];
  }[];
  /** The leases on the hosts. */
  readonly leases: readonly {
    readonly host: string;
    readonly who: string;
    readonly run: string;
    readonly recipe: string;
    readonly since: string;
    readonly step: string;
  }[];
  /** Runs of this machine that can be resumed. */
  readonly runs: readonly {
    readonly run: string;
    readonly recipe: string;
    readonly who: string;
    readonly started: string;
    /** The command that ends it. */
    readonly next: string;
  }[];
  /** Hosts whose disk is nearly full. Bytes. */
  readonly disks: readonly { readonly host: string; readonly free: number; readonly size: number | null }[];
  /** Containers of runs that died. */
  readonly left: readonly {
    readonly host: string;
    readonly container: string;
    readonly run: string;
    /** Whether nothing else of its service runs on the host. */
    readonly serves: boolean;
  }[];
  /** Containers that failed runs keep for their logs, until the next release. */
  readonly failed: readonly {
    readonly host: string;
    readonly service: string;
    readonly container: string;
    readonly run: string;
  }[];
  /** Services with containers on hosts that the configuration does not list for them. */
  readonly unconfigured: readonly {
    readonly service: string;
    readonly host: string;
    readonly containers: readonly string[];
    readonly running: boolean;
    /** What is wrong, and the command that helps. */
    readonly why: string;
  }[];
  /** Hosts that the last release of a service from this machine used, and that are no longer configured. */
  readonly removedHosts: readonly { readonly host: string; readonly service: string; readonly run: string }[];
  /** Empty if all hosts have the same version. */
  readonly engines: readonly { readonly engine: string; readonly hosts: readonly string[] }[];
}

export type InstanceStatus = ServiceStatus & { readonly id: string; readonly host: string };

/** The data for a status, from the hosts and from this machine. */
export interface StatusInput {
  readonly id: EnvironmentId;
  readonly services: readonly Service[];
  readonly facts: Facts;
  /** When the facts were read. */
  readonly now: Date;
  readonly problems: readonly Failure[];
  readonly holders: readonly Holder[];
  /** The journals of the project on this machine. */
  readonly runs: readonly ReadableRun[];
}

/** Builds the status of an environment. */
export function statusDocument(input: StatusInput): StatusDocument {
  const { id, services, facts } = input;
  const hosts = Object.values(facts.hosts);
  return {
    environment: id.environment,
    services: services.map((service) => ({
      name: service.name,
      release: current(releaseLog(facts, service.name))?.release.number ?? null,
      instances: service.instances.map((instance) => {
        const { host } = instance;
        const status = serviceStatus(facts, id, service, host, input.now);
        const problem = input.problems.find((candidate) => candidate.host === host);
        return {
          id: instance.id,
          host,
          ...status,
          ...given({ why: problem?.message ?? status.why ?? runsTwice(input, service) }),
        };
      }),
    })),
    leases: input.holders.map(({ host, who, run, recipe, since, step }) => ({
      ...{ host, who, run, recipe, since, step },
    })),
    runs: resumableRuns(input).map(({ id, run: { recipe, who, started }, next }) => ({
      ...{ run: id, recipe, who, started, next },
    })),
    disks: hosts.flatMap(nearlyFull),
    left: leftovers(input),
    failed: failedOnHosts(input),
    unconfigured: unconfigured(input),
    removedHosts: removedHosts(input),
    engines: engineVersions(hosts),
  };
}

/** Whether an instance does not run its current release as it should. */
export function needsAttention({ services }: StatusDocument): boolean {
  return services.some(({ instances }) => instances.some(({ why }) => why !== null));
}

/** Unfinished runs of the environment that are not running, unless all of their services were released since. */
function resumableRuns({ id, facts, holders, runs }: StatusInput) {
  return runs.flatMap((found) => {
    if (found.state === 'ended') return [];
    if (found.run.environment !== id.environment || found.run.project !== id.project) return [];
    if (holders.some((holder) => holder.run === found.id)) return [];
    const releases = ['deploy', 'rollback', 'canary', 'promote'].includes(found.run.recipe);
    const later = found.services.filter(({ name }) => {
      if (!releases) return false;
      const active = current(releaseLog(facts, name));
      return active !== undefined && active.run !== found.id && active.at > found.run.started;
    });
    if (later.length > 0 && later.length === found.services.length) return [];
    const isForward =
      found.state === 'unfinished' && (later.length === 0 || found.outcome?.committed === true);
    return [{ ...found, next: `oneclick resume ${found.id}${isForward ? '' : ' --revert'}` }];
  });
}

const lowDiskSpace = 2e9;

/** Rounds, so that `--watch` does not redraw all the time. */
function nearlyFull({ host, diskFree, diskSize }: HostFacts): StatusDocument['disks'] {
  if (diskFree === undefined) return [];
  const full = diskFree < lowDiskSpace || (diskSize !== undefined && diskFree < diskSize / 10);
  return full ? [{ host, free: Math.round(diskFree / 1e8) * 1e8, size: diskSize ?? null }] : [];
}

function leftovers({ id, services, facts, holders }: StatusInput): StatusDocument['left'] {
  const alive = new Set(holders.map((holder) => holder.run));
  return services.flatMap(({ name, instances }) =>
    instances.flatMap(({ host }) => {
      const known = facts.hosts[host];
      if (known === undefined) return [];
      const up = serving(known, id, name);
      return leftoverContainers(known, facts, id, name)
        .map((container) => ({
          ...{ host, container: container.name, run: container.labels[label.run] ?? '' },
          serves: isUp(container) && up.every((other) => other === container),
        }))
        .filter((left) => !alive.has(left.run));
    }),
  );
}

function failedOnHosts({ id, services, facts, holders }: StatusInput): StatusDocument['failed'] {
  const alive = new Set(holders.map((holder) => holder.run));
  return services.flatMap(({ name: service, instances }) =>
    instances.flatMap(({ host }) => {
      const known = facts.hosts[host];
      if (known === undefined) return [];
      return failedContainers(known, id, service)
        .map(({ name: container, labels }) => ({ host, service, container, run: labels[label.run] ?? '' }))
        .filter(({ run }) => !alive.has(run));
    }),
  );
}

function unconfigured({ id, facts }: StatusInput): StatusDocument['unconfigured'] {
  return unconfiguredServices(facts, id).flatMap((found) => {
    const why = describeUnconfigured(found);
    if (why === undefined) return [];
    const { service, host, containers } = found;
    const names = containers.map(({ name }) => name);
    return [{ service, host, containers: names, running: containers.some(isUp), why }];
  });
}

function removedHosts({ id, facts, runs }: StatusInput): StatusDocument['removedHosts'] {
  if (facts.configured === undefined) return [];
  const found = formerHosts(runs, id, Object.keys(facts.configured.instances));
  return found.map(({ host, service, run }) => ({ host, service, run }));
}

function runsTwice({ id, facts }: StatusInput, service: Service): string | undefined {
  const [other] = singletonElsewhere(facts, id, service);
  return other && `it is a singleton, but also runs on ${other.host}`;
}

function engineVersions(hosts: readonly HostFacts[]): StatusDocument['engines'] {
  const groups = new Map<string, string[]>();
  for (const { host, engine } of hosts) {
    const name = `Docker ${engine.version} (${engine.platform})`;
    groups.set(name, [...(groups.get(name) ?? []), host]);
  }
  return groups.size < 2 ? [] : [...groups].map(([engine, names]) => ({ engine, hosts: names }));
}

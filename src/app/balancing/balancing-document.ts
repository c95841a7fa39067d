import { quarantineOf, reasonOf } from '../../domain/balancing.js';
import type { Facts } from '../../domain/facts.js';
import { cautionsOf } from '../../domain/group-advice.js';
import { releaseOf } from '../../domain/labels.js';
import { isUp } from '../../domain/rollout.js';
import type { Service } from '../../domain/service.js';
import type { TargetGroupSettings, TargetHealth } from '../../domain/target-group.js';

/** The targets of an environment, as printed by `lb status --json`. */
export interface BalancingDocument {
  readonly environment: string;
  readonly groups: readonly GroupStatus[];
}

export interface GroupStatus {
  readonly service: string;
  readonly name: string;
  readonly arn: string;
  readonly settings: TargetGroupSettings;
  readonly balancers: readonly {
    readonly name: string;
    readonly address: string;
    readonly state: string;
    readonly listeners: readonly { readonly protocol: string; readonly port: number }[];
  }[];
  readonly targets: readonly TargetStatus[];
}

export interface TargetStatus {
  readonly id: string;
  /** Null for an instance that is not part of the environment. */
  readonly host: string | null;
  /** Null if not registered. */
  readonly port: number | null;
  /** `out`: an instance of the service that is not registered. */
  readonly state: TargetHealth['state'] | 'out';
  /** The reason for the state, as text. */
  readonly reason: string;
  /** The user who deactivated it, and the time. */
  readonly quarantine: string | null;
  /** The release that listens on the port, and its start. */
  readonly release: number | null;
  readonly since: string | null;
}

/** Returns reasons why instances may receive no requests. */
export function trafficWarnings(services: readonly Service[], { groups = {} }: Facts): readonly string[] {
  return services.flatMap((service) => {
    const known = groups[service.targetGroup ?? ''];
    return known === undefined
      ? []
      : service.instances.flatMap((instance) => cautionsOf(known, service, instance));
  });
}

/** Builds the status of the target groups of services. */
export function balancingDocument(
  environment: string,
  services: readonly Service[],
  { groups = {}, hosts }: Facts,
): BalancingDocument {
  return {
    environment,
    groups: services.flatMap(({ name, targetGroup = '', instances: placed }) => {
      const known = groups[targetGroup];
      if (known === undefined) return [];
      const { group, targets, instances } = known;
      const hostOf = (id: string) => placed.find((instance) => instance.id === id)?.host;
      const missing = placed.filter(({ id }) => !targets.some((target) => target.id === id));
      const row = (id: string) => ({
        id,
        host: hostOf(id) ?? null,
        quarantine: quarantineOf(group, instances[id]) ?? null,
      });
      return [
        {
          ...{ service: name, name: group.name, arn: group.arn, settings: group.settings },
          balancers: group.balancers.map(({ name, address, state, listeners }) => ({
            name,
            address,
            state,
            listeners: listeners.map(({ protocol, port }) => ({ protocol, port })),
          })),
          targets: [
            ...targets.map((target) => ({
              ...{ ...row(target.id), port: target.port, state: target.state, reason: reasonOf(target) },
              ...runningOn(hosts[hostOf(target.id) ?? '']?.containers ?? [], target.port),
            })),
            ...missing.map(({ id }) => ({
              ...{ ...row(id), port: null, state: 'out' as const, reason: 'not registered' },
              ...{ release: null, since: null },
            })),
          ],
        },
      ];
    }),
  };
}

/** The release that listens on a port, and since when. */
function runningOn(containers: Facts['hosts'][string]['containers'], port: number) {
  const found = containers.find((container) => isUp(container) && container.ports.includes(port));
  return { release: found === undefined ? null : (releaseOf(found) ?? null), since: found?.started ?? null };
}

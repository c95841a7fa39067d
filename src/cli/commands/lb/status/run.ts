import { withEnvironment } from '../../../../app/connect.js';
import type { Context } from '../../../../app/context.js';
import { selectWithoutSecrets } from '../../../../app/instances.js';
import { openSession } from '../../../../app/session.js';
import { quarantineOf, reasonOf } from '../../../../domain/balancing.js';
import type { Facts } from '../../../../domain/facts.js';
import { cautionsOf } from '../../../../domain/group-advice.js';
import { releaseOf } from '../../../../domain/labels.js';
import { isUp } from '../../../../domain/rollout.js';
import type { Service } from '../../../../domain/service.js';
import type { Need } from '../../../../domain/task.js';
import { type LbStatusDocument, lbStatusText } from '../../../../report/lb-status.js';
import { reportProblems, withOutput } from '../../../command-output.js';
import { balancedServices } from '../balanced-services.js';
import type { LbStatusFlags } from './command.js';

export function run(context: Context, names: readonly string[], flags: LbStatusFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = balancedServices(selectWithoutSecrets(session.environment.services, names), names);
    const request = { services, needs: new Set<Need>(['hosts', 'cloud']) };
    return withEnvironment(session, request, async (connected) => {
      const { facts, problems } = await connected.snapshot();
      if (facts.groups === undefined) return reportProblems(out.reporter, problems);
      for (const { host, message } of problems) out.reporter.warn(`${host}: ${message}`);
      const document = balancingDocument(session.environment.name, services, facts);
      out.reporter.result(document, (shown, page) => lbStatusText(shown, page, context.clock.now()));
      for (const caution of cautions(services, facts)) out.reporter.warn(caution);
      return 0;
    });
  });
}

/** Why instances of these services may receive no requests. */
function cautions(services: readonly Service[], { groups = {} }: Facts): readonly string[] {
  return services.flatMap((service) => {
    const known = groups[service.targetGroup ?? ''];
    return known === undefined
      ? []
      : service.instances.flatMap((instance) => cautionsOf(known, service, instance));
  });
}

function balancingDocument(
  environment: string,
  services: readonly Service[],
  { groups = {}, hosts }: Facts,
): LbStatusDocument {
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
            listeners,
          })),
          targets: [
            ...targets.map((target) => ({
              ...{ ...row(target.id), port: target.port, state: target.state, reason: reasonOf(target) },
              ...runningOn(hosts[hostOf(target.id) ?? '']?.containers ?? [], target.port),
            })),
            ...missing.map(({ id }) => ({
              ...{ ...row(id), port: null, state: 'out' as const, reason: 'it is not registered' },
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

import { openCloud, withEnvironment } from '../../app/connect.js';
import type { Context } from '../../app/context.js';
import { selectWithoutSecrets } from '../../app/instances.js';
import { openSession } from '../../app/session.js';
import { namedBy, quarantineOf, reasonOf } from '../../domain/balancing.js';
import type { Facts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { cautionsOf } from '../../domain/group-advice.js';
import { releaseOf } from '../../domain/labels.js';
import { nearest } from '../../domain/nearest.js';
import { isUp } from '../../domain/rollout.js';
import type { Service } from '../../domain/service.js';
import type { Need } from '../../domain/task.js';
import { type BalancingDocument, balancingText } from '../../report/balancing.js';
import { confirmOption, reportProblems, withOutput } from '../command-output.js';
import { type Globals, onlyShown } from '../grammar/flags.js';
import { runRecipeCommand } from '../recipe-command.js';

interface StatusFlags extends Globals {
  readonly env?: string;
}

interface ChangeFlags extends StatusFlags {
  readonly dryRun: boolean;
  readonly explain: boolean;
  /** Only where the command has it. */
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** `oneclick lb status`: what the load balancers make of every target, and what runs there. */
export function status(context: Context, names: readonly string[], flags: StatusFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = balanced(selectWithoutSecrets(session.environment.services, names), names);
    const request = { services, needs: new Set<Need>(['hosts', 'cloud']) };
    return withEnvironment(session, request, async (connected) => {
      const { facts, problems } = await connected.snapshot();
      if (facts.groups === undefined) return reportProblems(out.reporter, problems);
      for (const { host, message } of problems) out.reporter.warn(`${host}: ${message}`);
      const document = balancingDocument(session.environment.name, services, facts);
      out.reporter.result(document, (seen, page) => balancingText(seen, page, context.clock.now()));
      for (const caution of cautions(services, facts)) out.reporter.warn(caution);
      return 0;
    });
  });
}

/** `oneclick lb activate` and `deactivate`: the recipe of that name on the instances that were named. */
export function change(verb: 'activate' | 'deactivate') {
  return (context: Context, words: readonly string[], flags: ChangeFlags): Promise<number> =>
    withOutput(context, flags, async (out) => {
      const session = await openSession(context, out.reporter, flags);
      const all = balanced(selectWithoutSecrets(session.environment.services, []), []);
      const done = out.reporter.busy(`looking for ${words.join(', ')}`);
      const services = await chosenInstances(all, words, async (named) =>
        (await openCloud(session)).instancesNamed(named),
      ).finally(done);
      return runRecipeCommand(out, session, {
        ...{ recipe: `lb-${verb}`, services, untouchedHosts: [], wait: false },
        params: flags.force === true ? { force: true } : {},
        ...onlyShown(flags),
      });
    });
}

/** `oneclick lb tune`: sets the target groups of the services that were named; asks first. */
export function tune(context: Context, names: readonly string[], flags: ChangeFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = balanced(selectWithoutSecrets(session.environment.services, names), names);
    return runRecipeCommand(out, session, {
      ...{ recipe: 'lb-tune', services, params: {}, untouchedHosts: [], wait: false },
      ...onlyShown(flags),
      ...confirmOption(out, { yes: flags.yes === true, json: flags.json }),
    });
  });
}

/** The services that have a target group. Throws a usage Failure where none has, or one that was named has not. */
function balanced(services: readonly Service[], names: readonly string[]): readonly Service[] {
  const without = services.find(({ name, targetGroup }) => targetGroup === undefined && names.includes(name));
  const found = services.filter(({ targetGroup }) => targetGroup !== undefined);
  if (without === undefined && found.length > 0) return found;
  throw new Failure(
    'usage',
    'target-group.none',
    `${without?.name ?? 'no service'} has ${without ? 'no' : 'a'} target group`,
    {
      hint: `write it into oneclick.yml, below ${without?.name ?? 'the service'}: target_group: NAME`,
    },
  );
}

/**
 * The services with those of their instances that were named: by ID, by host, as `web/2`, or by the `Name` tag, which `named` looks
 * up. Throws a usage Failure that says what there is.
 */
export async function chosenInstances(
  services: readonly Service[],
  words: readonly string[],
  named: (
    names: readonly string[],
  ) => Promise<readonly { id: string; tags: Readonly<Record<string, string>> }[]>,
): Promise<readonly Service[]> {
  const all = services.flatMap(({ name, instances }) =>
    instances.map(({ id, host }, index) => ({ service: name, id, host, place: index + 1 })),
  );
  const unknown = words.filter((word) => namedBy(word, all).length === 0);
  const tagged = unknown.length === 0 ? [] : await named(unknown);
  const chosen = words.flatMap((word) => {
    const ids = tagged.filter(({ tags }) => tags.Name === word).map(({ id }) => id);
    const found = [word, ...ids].flatMap((each) => namedBy(each, all));
    if (found.length === 0) throw unknownInstance(word, all);
    return found;
  });
  return services.flatMap((service) => {
    const instances = service.instances.filter(({ id }) =>
      chosen.some((place) => place.service === service.name && place.id === id),
    );
    return instances.length === 0 ? [] : [{ ...service, instances }];
  });
}

function unknownInstance(
  word: string,
  all: readonly {
    readonly service: string;
    readonly id: string;
    readonly host: string;
    readonly place: number;
  }[],
): Failure {
  const known = all.flatMap(({ service, id, host, place }) => [`${service}/${place}`, id, host]);
  const near = nearest(word, known);
  const list = all.map(({ service, id, host, place }) => `${service}/${place}: ${id} (${host})`);
  return new Failure('usage', 'instance.unknown', `there is no instance "${word}"`, {
    hint: near === undefined ? 'oneclick lb status shows all' : `did you mean ${near}?`,
    evidence: list.slice(0, 12),
  });
}

/** What keeps requests from the instances of these services. */
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

/** The release that answers on a port, and since when. */
function runningOn(containers: Facts['hosts'][string]['containers'], port: number) {
  const found = containers.find((container) => isUp(container) && container.ports.includes(port));
  return { release: found === undefined ? null : (releaseOf(found) ?? null), since: found?.started ?? null };
}

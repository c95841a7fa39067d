import { z } from 'zod';
import {
  drainTimeout,
  groupOf,
  healthOf,
  healthTimeout,
  isRegistered,
  isTarget,
  lastHealthy,
  lateRequests,
  quarantineOf,
  targetName,
  timeToHealthy,
  withGroup,
  withTarget,
} from '../domain/balancing.js';
import { containerOf } from '../domain/container.js';
import type { Facts, GroupFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { cautionsOf, drainWaits, healthWaits } from '../domain/group-advice.js';
import { current, releaseLog } from '../domain/log.js';
import type { CloudCommand } from '../domain/plain-command.js';
import { leftoverContainers } from '../domain/rollout.js';
import type { Instance, Service } from '../domain/service.js';
import { Target, type TargetHealth } from '../domain/target-group.js';
import type { Subject } from '../domain/task.js';
import { registerUnlessQuarantined } from './target-quarantine.js';
import { deregisterAndDrain, waitUntilDrained, waitUntilTargetHealthy } from './target-wait.js';
import { serviceOf, task } from './task.js';

const Intent = z.strictObject({
  /** The ARN of the target group. */
  group: z.string(),
  /** The name of the target group. */
  name: z.string(),
  target: Target,
  /** Whether it was registered before: an undo keeps it then. */
  before: z.boolean(),
  /** ms */
  patience: z.number(),
  /** Between two health checks. ms */
  interval: z.number(),
});
type Intent = z.infer<typeof Intent>;

const Receipt = z.strictObject({ target: Target });

/** Registers an instance and waits until the load balancer reports it healthy, twice. */
export const targetRegister = task({
  name: 'target.register',
  version: 1,
  scope: 'instance',
  // Containers with a port range: only the host knows which port is theirs.
  needs: (service) => (service?.port?.range ? ['cloud', 'hosts'] : ['cloud']),
  summary: 'Registers the instance in the target group and waits until the load balancer reports it healthy.',
  provides: 'registered',
  input: z.strictObject({ port: z.int().optional() }),
  intent: Intent,
  receipt: Receipt,
  defaults: { port: '{{ container.port }}' },
  title: (_, subject) => `register ${serviceOf(subject).name} with the load balancer`,
  check(facts, { port }, subject) {
    const { service, known, instance, target, health } = targetOf(facts, subject, port);
    const problem = sharedHealthPort(known, service) ?? unservableReason(known, instance);
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const why = quarantineOf(known.group, known.instances[target.id]);
    if (why !== undefined) {
      const because = `quarantined by ${why} (to register it, run: oneclick lb activate ${instance.host})`;
      return { kind: 'done', because, receipt: { target }, news: true };
    }
    if (health?.state === 'healthy')
      return { kind: 'done', because: `already healthy in ${known.group.name}`, receipt: { target } };
    return {
      kind: 'todo',
      changes: [{ host: instance.host, text: `register ${targetName(target)} in ${known.group.name}` }],
      intent: intentOf(known, target, health, healthTimeout(known.group.settings)),
      expect: { target },
      predict: withGroup(service.targetGroup, withTarget({ ...target, state: 'healthy' })),
      waits: healthWaits(known.group, service.name),
      cautions: cautionsOf(known, service, instance),
    };
  },
  explain: ({ group, target }) => [
    {
      why: 'send requests to it',
      call: { kind: 'register', group, targets: [target] },
    },
    { why: 'wait until it is healthy', call: { kind: 'wait-healthy', group, targets: [target] } },
  ],
  async apply(context, intent) {
    const [registered] = await registerUnlessQuarantined(context, intent, [intent.target]);
    if (registered !== undefined) await waitUntilTargetHealthy(context, intent);
    return { target: intent.target };
  },
  async undo(context, intent) {
    if (intent.before) return;
    await deregisterAndDrain(context, intent);
    // Its container stops next.
    await context.clock.sleep(lateRequests);
  },
});

const DeregisterIntent = Intent.omit({ target: true, before: true }).extend({
  targets: z.array(Target),
  /** The targets that an undo registers again. */
  registered: z.array(Target),
  /** Whether to check, right before the call, that another target is healthy. */
  guarded: z.boolean(),
  /** Whether to wait for the last request. */
  drains: z.boolean(),
});

/** Deregisters an instance, on all its ports, and waits until its last request is answered. */
export const targetDeregister = task({
  name: 'target.deregister',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Deregisters the instance from the target group and waits until its last request is answered.',
  input: z.strictObject({
    /** `old`: all ports but the new container's; `dead`: the ports of containers that a dead run left. */
    release: z.enum(['all', 'old', 'dead']).default('all'),
    port: z.int().optional(),
    force: z.boolean().default(false),
    /** Whether to wait for the last requests. */
    drain: z.boolean().default(true),
  }),
  intent: DeregisterIntent,
  receipt: z.strictObject({ targets: z.array(Target) }),
  defaults: { port: '{{ container.port }}' },
  title: ({ release }, subject) =>
    `deregister ${prefixes[release]}${serviceOf(subject).name} from the load balancer`,
  check(facts, { release, port, force, drain }, subject) {
    const { service, known, instance, target } = targetOf(facts, subject, port);
    const { group } = known;
    const all = known.targets.filter(({ id }) => id === instance.id);
    const leaving = release === 'all' ? all : all.filter((other) => !isTarget(other, target));
    const dead = release === 'dead' ? deadPorts(facts, subject, instance.host) : undefined;
    const selected = leaving.filter(({ port: own }) => dead === undefined || dead.includes(own));
    const registered = selected.filter(isRegistered);
    const affected = drain ? selected : registered;
    if (affected.length === 0)
      return { kind: 'done', because: `not registered in ${group.name}`, receipt: { targets: [] } };
    const guarded = release === 'all' && !force;
    const problem = guarded ? lastHealthy(group, known.targets, instanceIds(service)) : undefined;
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const targets = affected.map(idAndPort);
    return {
      kind: 'todo',
      changes: targets.map((each) => ({
        host: instance.host,
        text: `deregister ${targetName(each)} from ${group.name}`,
      })),
      intent: {
        ...{
          group: group.arn,
          name: group.name,
          targets,
          registered: registered.map(idAndPort),
          guarded,
          drains: drain,
        },
        ...{ patience: drainTimeout(group.settings), interval: group.settings.healthCheck.interval },
      },
      expect: { targets },
      predict: withGroup(service.targetGroup, (later) => ({
        ...later,
        targets: later.targets.filter((other) => !targets.some((each) => isTarget(each, other))),
      })),
      waits: drain ? drainWaits(group, service.name) : [],
    };
  },
  explain: ({ group, targets, drains }) => [
    { why: 'stop sending requests to it', call: { kind: 'deregister', group, targets } },
    ...(drains ? [waitDrainedCommand(group, targets)] : []),
  ],
  async apply(context, intent) {
    const { ports, subject } = context;
    if (intent.guarded) {
      // The others may have become unhealthy since the check.
      const targets = await ports.cloud().targets(intent.group);
      const problem = lastHealthy({ name: intent.name }, targets, instanceIds(serviceOf(subject)));
      if (problem !== undefined) throw problem;
    }
    await ports.cloud().deregister(intent.group, intent.targets);
    if (intent.drains)
      await Promise.all(intent.targets.map((target) => waitUntilDrained(context, { ...intent, target })));
    return { targets: intent.targets };
  },
  async undo(context, intent) {
    if (intent.registered.length === 0) return;
    const registered = await registerUnlessQuarantined(context, intent, intent.registered);
    const waits = registered.map((target) => waitUntilTargetHealthy(context, { ...intent, target }));
    await Promise.all(waits);
  },
});

const waitDrainedCommand = (group: string, targets: readonly Target[]): CloudCommand => ({
  why: 'wait until its last request is answered',
  call: { kind: 'wait-drained', group, targets },
});

const prefixes = { all: '', old: 'old containers of ', dead: 'leftover containers of ' } as const;

function deadPorts(facts: Facts, { run, service }: Subject, host: string): readonly number[] {
  const known = facts.hosts[host];
  if (known === undefined || service === undefined) return [];
  return leftoverContainers(known, facts, run, service.name, run.id).flatMap(({ ports }) => ports);
}

const idAndPort = ({ id, port }: Target) => ({ id, port });
const instanceIds = ({ instances }: Service) => instances.map(({ id }) => id);

/** Returns the target of a step with scope `instance`, and its group and health. */
function targetOf(facts: Facts, subject: Subject, port: number | undefined) {
  const service = serviceOf(subject);
  const { instance } = subject;
  if (instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  const known = groupOf(facts, service);
  const published = port ?? runningPort(facts, subject, service) ?? service.port?.host;
  if (published === undefined)
    throw new Failure(
      'usage',
      'target.port',
      `the port of ${service.name} is missing: its load balancer needs one`,
    );
  const target = { id: instance.id, port: published };
  return { service, instance, known, target, health: healthOf(known.targets, target) };
}

/** Undefined without a port range, or if the run did not read the host. */
function runningPort(facts: Facts, { run, instance }: Subject, service: Service): number | undefined {
  if (service.port?.range === undefined || instance === undefined) return undefined;
  const host = facts.hosts[instance.host];
  const active = current(releaseLog(facts, service.name))?.release;
  if (host === undefined || active === undefined) return undefined;
  return containerOf(host, run, service.name, active)?.ports[0];
}

function intentOf(
  { group }: GroupFacts,
  target: Target,
  health: TargetHealth | undefined,
  patience: number,
): Intent {
  const { interval } = group.settings.healthCheck;
  return { group: group.arn, name: group.name, target, before: isRegistered(health), patience, interval };
}

/** A fixed health check port belongs to one container of the host, which would answer for the other one, too. */
function sharedHealthPort({ group: { name, settings } }: GroupFacts, service: Service): Failure | undefined {
  const { port } = settings.healthCheck;
  if (service.swap !== 'beside' || port === 'traffic-port') return undefined;
  const message = `${name} checks port ${port} on every target, so the old container would answer for the new one`;
  const away = (settings.deregistrationDelay + timeToHealthy(settings)) / 1000;
  const drain = `swap: drain (each batch leaves the load balancer for at least ${away} s)`;
  return new Failure('failed', 'target-group.health-port', message, {
    hint: `set the health check port of ${name} to traffic-port, or use ${drain}`,
  });
}

/** Returns the reason why the instance can never become healthy. */
function unservableReason({ group, instances }: GroupFacts, { id, host }: Instance): Failure | undefined {
  const problem = (code: string, message: string, hint: string) =>
    new Failure('failed', code, message, { host, hint });
  const found = instances[id];
  if (found === undefined)
    return problem(
      'instance.none',
      `unknown instance ${id} in this region`,
      `set the ID of host ${host} in oneclick.yml: id: i-…`,
    );
  if (found.state !== 'running')
    return problem('instance.state', `${id} is ${found.state}`, 'start the instance');
  if (group.balancers.some(({ listeners }) => listeners.length > 0)) return undefined;
  return new Failure('failed', 'target-group.unused', `no load balancer forwards to ${group.name}`, {
    hint: 'add a listener that forwards to this target group',
  });
}

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
import { leave, untilCalledHealthy, untilGone, words } from './target-watch.js';
import { serviceOf, task } from './task.js';

const Intent = z.strictObject({
  /** The ARN of the group, and its name. */
  group: z.string(),
  name: z.string(),
  target: Target,
  /** Whether it was registered before: then it stays when the step is taken back. */
  before: z.boolean(),
  /** ms */
  patience: z.number(),
  /** Between two health checks, ms. */
  interval: z.number(),
});
type Intent = z.infer<typeof Intent>;

const Receipt = z.strictObject({ target: Target });

/** Registers an instance and waits until the load balancer itself calls it healthy, twice. */
export const targetRegister = task({
  name: 'target.register',
  version: 1,
  scope: 'instance',
  // Its host knows which port a container has that runs beside another.
  needs: (service) => (service?.port?.range ? ['cloud', 'hosts'] : ['cloud']),
  summary: 'Registers the instance in the target group, and waits until the load balancer calls it healthy.',
  provides: 'registered',
  input: z.strictObject({ port: z.int().optional() }),
  intent: Intent,
  receipt: Receipt,
  defaults: { port: '{{ container.port }}' },
  title: (_, subject) => `put ${serviceOf(subject).name} behind its load balancer`,
  check(facts, { port }, subject) {
    const { service, known, instance, target, health } = targetOf(facts, subject, port);
    const problem = cannotServe(known, instance);
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const why = quarantineOf(known.group, known.instances[target.id]);
    if (why !== undefined) {
      const because = `it is kept out: ${why} (oneclick lb activate ${instance.host} brings it back)`;
      return { kind: 'done', because, receipt: { target }, news: true };
    }
    if (health?.state === 'healthy')
      return { kind: 'done', because: `${known.group.name} calls it healthy`, receipt: { target } };
    return {
      kind: 'todo',
      changes: [{ host: instance.host, text: `register ${words(target)} in ${known.group.name}` }],
      intent: intentOf(known, target, health, healthTimeout(known.group.settings)),
      expect: { target },
      predict: withGroup(service.targetGroup, withTarget({ ...target, state: 'healthy' })),
      waits: healthWaits(known.group, service.name),
      cautions: cautionsOf(known, service, instance),
    };
  },
  explain: ({ group, target }) => [
    {
      why: 'let the load balancer send it requests',
      call: { kind: 'register', group, targets: [target] },
    },
    { why: 'until it is healthy', call: { kind: 'wait-healthy', group, targets: [target] } },
  ],
  async apply(context, intent) {
    const cloud = context.ports.cloud();
    await cloud.register(intent.group, [intent.target]);
    await untilCalledHealthy(context, intent);
    return { target: intent.target };
  },
  async undo(context, intent) {
    if (intent.before) return;
    await leave(context, intent);
    // What it was registered for is about to be stopped.
    await context.clock.sleep(lateRequests);
  },
});

const Leaving = Intent.omit({ target: true, before: true }).extend({
  targets: z.array(Target),
  /** Those that were registered before, and are again when the step is taken back. */
  registered: z.array(Target),
  /** Whether somebody else has to be healthy, looked at again right before the call. */
  guarded: z.boolean(),
  /** Whether the last request is waited for. */
  drains: z.boolean(),
});

/** Takes an instance out, on whichever ports it is there, and waits until its last request is answered. */
export const targetDeregister = task({
  name: 'target.deregister',
  version: 1,
  scope: 'instance',
  needs: ['cloud'],
  summary: 'Takes the instance out of the target group, and waits until its last request is answered.',
  input: z.strictObject({
    /** `old`: on all ports but that of the new container; `dead`: on those of what a run that died has left. */
    release: z.enum(['all', 'old', 'dead']).default('all'),
    port: z.int().optional(),
    force: z.boolean().default(false),
    /** Without it the last requests are answered while others go on. */
    drain: z.boolean().default(true),
  }),
  intent: Leaving,
  receipt: z.strictObject({ targets: z.array(Target) }),
  defaults: { port: '{{ container.port }}' },
  title: ({ release }, subject) =>
    `take ${which[release]}${serviceOf(subject).name} out of its load balancer`,
  check(facts, { release, port, force, drain }, subject) {
    const { service, known, instance, target } = targetOf(facts, subject, port);
    const { group } = known;
    const mine = known.targets.filter(({ id }) => id === instance.id);
    const leaving = release === 'all' ? mine : mine.filter((other) => !isTarget(other, target));
    const dead = release === 'dead' ? deadPorts(facts, subject, instance.host) : undefined;
    const concerned = leaving.filter(({ port: own }) => dead === undefined || dead.includes(own));
    const registered = concerned.filter(isRegistered);
    const waited = drain ? concerned : registered;
    if (waited.length === 0)
      return { kind: 'done', because: `it is not in ${group.name}`, receipt: { targets: [] } };
    const guarded = release === 'all' && !force;
    const problem = guarded ? lastHealthy(group, known.targets, leavingOf(service)) : undefined;
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const targets = waited.map(bare);
    return {
      kind: 'todo',
      changes: targets.map((each) => ({
        host: instance.host,
        text: `take ${words(each)} out of ${group.name}`,
      })),
      intent: {
        ...{
          group: group.arn,
          name: group.name,
          targets,
          registered: registered.map(bare),
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
    { why: 'let the load balancer send it nothing more', call: { kind: 'deregister', group, targets } },
    ...(drains ? [untilDrained(group, targets)] : []),
  ],
  async apply(context, intent) {
    const { ports, subject } = context;
    if (intent.guarded) {
      // The others may have fallen ill since the check.
      const targets = await ports.cloud().targets(intent.group);
      const problem = lastHealthy({ name: intent.name }, targets, leavingOf(serviceOf(subject)));
      if (problem !== undefined) throw problem;
    }
    await ports.cloud().deregister(intent.group, intent.targets);
    if (intent.drains)
      await Promise.all(intent.targets.map((target) => untilGone(context, { ...intent, target })));
    return { targets: intent.targets };
  },
  async undo(context, intent) {
    if (intent.registered.length === 0) return;
    await context.ports.cloud().register(intent.group, intent.registered);
    const back = intent.registered.map((target) => untilCalledHealthy(context, { ...intent, target }));
    await Promise.all(back);
  },
});

const untilDrained = (group: string, targets: readonly Target[]): CloudCommand => ({
  why: 'until its last request is answered',
  call: { kind: 'wait-drained', group, targets },
});

const which = { all: '', old: 'the old ', dead: 'what is left of a dead run of ' } as const;

/** The ports of what a run that died has left on a host. */
function deadPorts(facts: Facts, { run, service }: Subject, host: string): readonly number[] {
  const known = facts.hosts[host];
  if (known === undefined || service === undefined) return [];
  return leftoverContainers(known, facts, run, service.name, run.id).flatMap(({ ports }) => ports);
}

const bare = ({ id, port }: Target) => ({ id, port });
const leavingOf = ({ instances }: Service) => instances.map(({ id }) => id);

/** What a step of scope `instance` is about in the cloud. */
function targetOf(facts: Facts, subject: Subject, port: number | undefined) {
  const service = serviceOf(subject);
  const { instance } = subject;
  if (instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  const known = groupOf(facts, service);
  const published = port ?? runningPort(facts, subject, service) ?? service.port?.host;
  if (published === undefined)
    throw new Failure('usage', 'target.port', `${service.name} has no port for a load balancer`);
  const target = { id: instance.id, port: published };
  return { service, instance, known, target, health: healthOf(known.targets, target) };
}

/** The port of what runs on the instance, where its containers have ports of their own and the host was looked at. */
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

/** Why no load balancer can call the instance healthy, whatever it answers. */
function cannotServe({ group, instances }: GroupFacts, { id, host }: Instance): Failure | undefined {
  const problem = (code: string, message: string, hint: string) =>
    new Failure('failed', code, message, { host, hint });
  const found = instances[id];
  if (found === undefined)
    return problem(
      'instance.none',
      `there is no instance ${id} in this region`,
      `say its ID in oneclick.yml, below the host ${host}: id: i-…`,
    );
  if (found.state !== 'running')
    return problem('instance.state', `${id} is ${found.state}`, 'start the instance first');
  if (group.balancers.some(({ listeners }) => listeners.length > 0)) return undefined;
  return new Failure('failed', 'target-group.unused', `no load balancer sends anything to ${group.name}`, {
    hint: 'give a load balancer a listener that forwards to it',
  });
}

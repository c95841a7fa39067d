import { z } from 'zod';
import type { TargetHealth } from '../cloud/cloud.js';
import type { Verdict } from '../cloud/poll.js';
import {
  drainPatience,
  groupOf,
  healthOf,
  healthPatience,
  isRegistered,
  isTarget,
  lastHealthy,
  quarantineOf,
  reasonOf,
  withGroup,
  withTarget,
} from '../domain/balancing.js';
import { timeOfDay } from '../domain/clock.js';
import type { Facts, GroupFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import type { PlainCommand } from '../domain/plain-command.js';
import type { Instance, Service } from '../domain/service.js';
import { commandLine } from '../domain/shell.js';
import type { Subject, TaskContext } from '../domain/task.js';
import { serviceOf, task, type World } from './world.js';

const Target = z.strictObject({ id: z.string(), port: z.int().min(1).max(65_535) });

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
  works: 'cloud',
  summary: 'Registers the instance in the target group, and waits until the load balancer calls it healthy.',
  provides: 'registered',
  input: z.strictObject({ port: z.int().optional() }),
  intent: Intent,
  receipt: Receipt,
  title: (_, subject) => `put ${serviceOf(subject).name} behind its load balancer`,
  check(facts, { port }, subject) {
    const { known, instance, target, health } = targetOf(facts, subject, port);
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
      intent: intentOf(known, target, health, healthPatience(known.group.settings)),
      expect: { target },
      foresee: withGroup(serviceOf(subject).targetGroup, withTarget({ ...target, state: 'healthy' })),
    };
  },
  explain: ({ group, target }) => [
    byHand('let the load balancer send it requests', 'register-targets', group, target),
    byHand('until it is healthy', 'wait target-in-service', group, target),
  ],
  async apply(context, intent) {
    const cloud = context.world.cloud();
    await cloud.register(intent.group, [intent.target]);
    await untilCalledHealthy(context, intent);
    return { target: intent.target };
  },
  async undo(context, intent) {
    if (!intent.before) await leave(context, intent);
  },
});

/** Takes an instance out and waits until its last request is answered. */
export const targetDeregister = task({
  name: 'target.deregister',
  version: 1,
  scope: 'instance',
  works: 'cloud',
  summary: 'Takes the instance out of the target group, and waits until its last request is answered.',
  input: z.strictObject({ port: z.int().optional(), force: z.boolean().default(false) }),
  intent: Intent.extend({ force: z.boolean() }),
  receipt: Receipt,
  title: (_, subject) => `take ${serviceOf(subject).name} out of its load balancer`,
  check(facts, { port, force }, subject) {
    const { service, known, instance, target, health } = targetOf(facts, subject, port);
    const { group, targets } = known;
    if (health === undefined || !isRegistered(health)) {
      const because = health === undefined ? `it is not in ${group.name}` : reasonOf(health);
      if (health?.state !== 'draining') return { kind: 'done', because, receipt: { target } };
    }
    const problem = force ? undefined : lastHealthy(group, targets, leavingOf(service));
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    return {
      kind: 'todo',
      changes: [{ host: instance.host, text: `take ${words(target)} out of ${group.name}` }],
      intent: { ...intentOf(known, target, health, drainPatience(group.settings)), force },
      expect: { target },
      foresee: withGroup(service.targetGroup, (later) => ({
        ...later,
        targets: later.targets.filter((other) => !isTarget(other, target)),
      })),
    };
  },
  explain: ({ group, target }) => [
    byHand('let the load balancer send it nothing more', 'deregister-targets', group, target),
    byHand('until its last request is answered', 'wait target-deregistered', group, target),
  ],
  async apply(context, intent) {
    const { world, subject } = context;
    if (!intent.force) {
      // The others may have fallen ill since the check.
      const targets = await world.cloud().targets(intent.group);
      const problem = lastHealthy({ name: intent.name }, targets, leavingOf(serviceOf(subject)));
      if (problem !== undefined) throw problem;
    }
    await leave(context, intent);
    return { target: intent.target };
  },
  // A deregistration that a person asked for is not undone by itself: whoever takes it back says so.
  async undo(context, intent) {
    if (!intent.before) return;
    await context.world.cloud().register(intent.group, [intent.target]);
    await untilCalledHealthy(context, intent);
  },
});

const leavingOf = ({ instances }: Service) => instances.map(({ id }) => id);
const words = ({ id, port }: z.infer<typeof Target>) => `${id}:${port}`;

/** What a step of scope `instance` is about in the cloud. */
function targetOf(facts: Facts, subject: Subject, port: number | undefined) {
  const service = serviceOf(subject);
  const { instance } = subject;
  if (instance === undefined) throw new Error(`${subject.step}: bound without an instance`);
  const known = groupOf(facts, service);
  const published = port ?? service.port?.host;
  if (published === undefined)
    throw new Failure('usage', 'target.port', `${service.name} has no port for a load balancer`);
  const target = { id: instance.id, port: published };
  return { service, instance, known, target, health: healthOf(known.targets, target) };
}

function intentOf(
  { group }: GroupFacts,
  target: z.infer<typeof Target>,
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
    return problem(
      'instance.state',
      `${id} is ${found.state}`,
      `aws ec2 start-instances --instance-ids ${id}`,
    );
  if (group.balancers.some(({ listeners }) => listeners.length > 0)) return undefined;
  return new Failure('failed', 'target-group.unused', `no load balancer sends anything to ${group.name}`, {
    hint: 'give a load balancer a listener that forwards to it',
  });
}

/** Deregisters a target and waits until it is gone. */
async function leave(context: TaskContext<World>, intent: Intent): Promise<void> {
  await context.world.cloud().deregister(intent.group, [intent.target]);
  await follow(context, intent, `${words(intent.target)} to have drained`, (health) =>
    isGone(health) ? done : waits(health),
  );
}

function isGone(health: TargetHealth | undefined): boolean {
  return health === undefined || (health.state === 'unused' && health.reason === 'Target.NotRegistered');
}

/**
 * Waits until the load balancer has called the target healthy twice, an interval apart: it speaks for several nodes, and the first of
 * them may be early.
 */
async function untilCalledHealthy(context: TaskContext<World>, intent: Intent): Promise<void> {
  const { clock } = context;
  let first: number | undefined;
  await follow(context, intent, `${intent.name} to call ${words(intent.target)} healthy`, (health) => {
    if (health?.state !== 'healthy') {
      first = undefined;
      const failure = hopeless(health, intent);
      return failure === undefined ? waits(health) : { kind: 'hopeless', failure };
    }
    first ??= clock.monotonic();
    return clock.monotonic() - first >= intent.interval
      ? done
      : { kind: 'waiting', because: 'healthy, once' };
  });
}

const done = { kind: 'done', result: undefined } as const;

function waits(health: TargetHealth | undefined): Verdict<undefined> {
  return { kind: 'waiting', because: health === undefined ? 'it is not there yet' : reasonOf(health) };
}

/** Looks at the target again and again, and says what it waits for, until `until` has seen enough. */
async function follow(
  { world, subject, clock, signal, progress }: TaskContext<World>,
  { group, target, patience }: Intent,
  what: string,
  until: (health: TargetHealth | undefined) => Verdict<undefined>,
): Promise<void> {
  const cloud = world.cloud();
  const host = subject.instance?.host;
  try {
    await world.poll({
      ...{ what, signal, deadline: clock.monotonic() + patience },
      probe: () => cloud.targets(group),
      until: (targets) => until(healthOf(targets, target)),
      onWaiting: ({ because, until }) => progress(`waits for ${what} until ${timeOfDay(until)}: ${because}`),
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'wait.timeout' || host === undefined) throw error;
    const hint = 'see what every target says: oneclick lb status';
    throw new Failure('unhealthy', 'target.late', error.message, { host, hint, cause: error });
  }
}

/** A state that does not get better by itself. */
function hopeless(health: TargetHealth | undefined, { name, target }: Intent): Failure | undefined {
  if (health?.state !== 'unused' || health.reason === 'Target.NotRegistered') return undefined;
  return new Failure(
    'unhealthy',
    'target.unused',
    `${name} does not use ${words(target)}: ${reasonOf(health)}`,
    {
      hint: 'oneclick lb status',
    },
  );
}

function byHand(
  why: string,
  verb: string,
  group: string,
  { id, port }: z.infer<typeof Target>,
): PlainCommand {
  const argv = ['aws', 'elbv2', ...verb.split(' '), '--target-group-arn', group];
  return { why, secrets: [], line: commandLine([...argv, '--targets', `Id=${id},Port=${port}`]) };
}

import type { PollAnswer } from '../cloud/poll.js';
import { healthOf, isRegistered, reasonOf, targetName } from '../domain/balancing.js';
import { timeOfDay } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { Target, TargetHealth } from '../domain/target-group.js';
import type { TaskContext } from '../domain/task.js';
import { isQuarantined, staysOut } from './target-quarantine.js';
import type { Ports } from './task.js';

/** A target and how long to wait for it. Times in ms. */
export interface TargetWait {
  /** The ARN of the target group. */
  readonly group: string;
  /** The name of the target group. */
  readonly name: string;
  readonly target: Target;
  readonly patience: number;
  /** Between two health checks. */
  readonly interval: number;
}

/** Deregisters a target and waits until it has drained. */
export async function deregisterAndDrain(context: TaskContext<Ports>, intent: TargetWait): Promise<void> {
  await context.ports.cloud().deregister(intent.group, [intent.target]);
  await waitUntilDrained(context, intent);
}

/** Waits until a deregistered target has drained. */
export function waitUntilDrained(context: TaskContext<Ports>, intent: TargetWait): Promise<void> {
  const what = `target ${targetName(intent.target)} in ${intent.name} to drain`;
  const readHealth = () => healthNow(context, intent);
  return pollTarget(context, intent, what, readHealth, (health) =>
    health === undefined ? done : stillWaiting(health),
  );
}

/**
 * Waits until the load balancer reports the target healthy twice, an interval apart: its nodes may disagree at first.
 * Warns and ends if somebody deactivates the instance meanwhile.
 */
export async function waitUntilTargetHealthy(context: TaskContext<Ports>, intent: TargetWait): Promise<void> {
  const { clock, ports } = context;
  let first: number | undefined;
  const what = `target ${targetName(intent.target)} in ${intent.name}`;
  const probe = async () => {
    const health = await healthNow(context, intent);
    const isOut = !isRegistered(health) && (await isQuarantined(ports.cloud(), intent, intent.target));
    return { health, isOut };
  };
  await pollTarget(context, intent, what, probe, ({ health, isOut }) => {
    if (isOut) {
      context.warn(staysOut(intent, intent.target));
      return done;
    }
    if (health?.state !== 'healthy') {
      first = undefined;
      const failure = unusable(health, intent);
      return failure === undefined ? stillWaiting(health) : { kind: 'failed', failure };
    }
    first ??= clock.monotonic();
    const soon = first + intent.interval - clock.monotonic();
    return soon <= 0 ? done : { kind: 'waiting', because: 'healthy once', recheckIn: soon };
  });
}

const done = { kind: 'done', result: undefined } as const;

function stillWaiting(health: TargetHealth | undefined): PollAnswer<undefined> {
  return { kind: 'waiting', because: health === undefined ? 'not registered yet' : reasonOf(health) };
}

async function healthNow({ ports }: TaskContext<Ports>, { group, target }: TargetWait) {
  return healthOf(await ports.cloud().targets(group), target);
}

async function pollTarget<Seen>(
  { ports, subject, clock, signal, progress }: TaskContext<Ports>,
  { patience }: TargetWait,
  what: string,
  probe: () => Promise<Seen>,
  until: (seen: Seen) => PollAnswer<undefined>,
): Promise<void> {
  const host = subject.instance?.host;
  try {
    await ports.poll({
      ...{ what, signal, deadline: clock.monotonic() + patience },
      probe,
      until,
      onWaiting: ({ because, until }) => progress(`${what}: ${because} (timeout ${timeOfDay(until)})`),
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'wait.timeout' || host === undefined) throw error;
    const hint = 'run: oneclick lb status';
    throw new Failure('unhealthy', 'target.late', error.message, { host, hint, cause: error });
  }
}

function unusable(health: TargetHealth | undefined, { name, target }: TargetWait): Failure | undefined {
  if (health?.state !== 'unused') return undefined;
  return new Failure(
    'unhealthy',
    'target.unused',
    `${name} does not use ${targetName(target)}: ${reasonOf(health)}`,
    {
      hint: 'run: oneclick lb status',
    },
  );
}

import type { PollAnswer } from '../cloud/poll.js';
import { healthOf, reasonOf } from '../domain/balancing.js';
import { timeOfDay } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { Target, TargetHealth } from '../domain/target-group.js';
import type { TaskContext } from '../domain/task.js';
import type { Ports } from './task.js';

/** A target that is waited for. */
export interface Watched {
  /** The ARN of its group, and the name. */
  readonly group: string;
  readonly name: string;
  readonly target: Target;
  /** ms */
  readonly patience: number;
  /** Between two health checks, ms. */
  readonly interval: number;
}

/** `i-0123456789abcdef0:8080` */
export const words = ({ id, port }: Target) => `${id}:${port}`;

/** Deregisters a target and waits until it is gone. */
export async function leave(context: TaskContext<Ports>, intent: Watched): Promise<void> {
  await context.ports.cloud().deregister(intent.group, [intent.target]);
  await untilGone(context, intent);
}

/** Waits until the load balancer knows the target no more. */
export function untilGone(context: TaskContext<Ports>, intent: Watched): Promise<void> {
  return follow(context, intent, `${words(intent.target)} to have drained`, (health) =>
    health === undefined ? done : waits(health),
  );
}

/**
 * Waits until the load balancer has called the target healthy twice, an interval apart: it speaks for several nodes, and the first of
 * them may be early.
 */
export async function untilCalledHealthy(context: TaskContext<Ports>, intent: Watched): Promise<void> {
  const { clock } = context;
  let first: number | undefined;
  await follow(context, intent, `${intent.name} to call ${words(intent.target)} healthy`, (health) => {
    if (health?.state !== 'healthy') {
      first = undefined;
      const failure = hopeless(health, intent);
      return failure === undefined ? waits(health) : { kind: 'failed', failure };
    }
    first ??= clock.monotonic();
    const soon = first + intent.interval - clock.monotonic();
    return soon <= 0 ? done : { kind: 'waiting', because: 'healthy, once', recheckIn: soon };
  });
}

const done = { kind: 'done', result: undefined } as const;

function waits(health: TargetHealth | undefined): PollAnswer<undefined> {
  return { kind: 'waiting', because: health === undefined ? 'it is not there yet' : reasonOf(health) };
}

/** Looks at the target again and again, and says what it waits for, until `until` has seen enough. */
async function follow(
  { ports, subject, clock, signal, progress }: TaskContext<Ports>,
  { group, target, patience }: Watched,
  what: string,
  until: (health: TargetHealth | undefined) => PollAnswer<undefined>,
): Promise<void> {
  const cloud = ports.cloud();
  const host = subject.instance?.host;
  try {
    await ports.poll({
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
function hopeless(health: TargetHealth | undefined, { name, target }: Watched): Failure | undefined {
  if (health?.state !== 'unused') return undefined;
  return new Failure(
    'unhealthy',
    'target.unused',
    `${name} does not use ${words(target)}: ${reasonOf(health)}`,
    {
      hint: 'oneclick lb status',
    },
  );
}

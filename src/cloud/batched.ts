import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { Target, TargetHealth } from '../domain/target-group.js';
import type { Cloud } from './cloud.js';
import { refusedTarget } from './failures.js';

/** How long a first call waits for others that can be made with it. ms */
const usualGather = 25;

/**
 * A cloud that makes one call of those which register, take out or look at targets of one group at about the same time: the steps of
 * several instances stay on their own, and cost no more calls than one. Each caller gets its own result: a target that is refused fails
 * for the one who asked for it, and the others are registered without it.
 */
export function batched(
  cloud: Cloud,
  { clock, gather = usualGather }: { readonly clock: Clock; readonly gather?: number },
): Cloud {
  const open = () => clock.sleep(gather);
  const registering = gathered<readonly Target[], void>(open, (group, calls) =>
    register(cloud, group, calls),
  );
  const leaving = gathered<readonly Target[], void>(open, (group, calls) =>
    together(calls, cloud.deregister(group, united(calls))),
  );
  const looking = gathered<void, readonly TargetHealth[]>(open, (group, calls) =>
    together(calls, cloud.targets(group)),
  );
  return {
    instances: (ids) => cloud.instances(ids),
    instancesNamed: (names) => cloud.instancesNamed(names),
    tag: (instances, tags) => cloud.tag(instances, tags),
    untag: (instances, keys) => cloud.untag(instances, keys),
    targetGroups: (names) => cloud.targetGroups(names),
    targets: (group) => looking(group, undefined),
    register: (group, targets) => registering(group, targets),
    deregister: (group, targets) => leaving(group, targets),
    tune: (group, tuning) => cloud.tune(group, tuning),
    inboundRules: (securityGroups) => cloud.inboundRules(securityGroups),
  };
}

/** One of the calls that are made together. */
interface Call<Asked, Answer> {
  readonly asked: Asked;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers calls by group from the first one until `open` resolves, and hands them over; `make` settles each of them. */
function gathered<Asked, Answer>(
  open: () => Promise<void>,
  make: (group: string, calls: readonly Call<Asked, Answer>[]) => Promise<void>,
): (group: string, asked: Asked) => Promise<Answer> {
  const waiting = new Map<string, Call<Asked, Answer>[]>();
  const send = async (group: string) => {
    await open();
    const calls = waiting.get(group) ?? [];
    waiting.delete(group);
    await make(group, calls).catch((error: unknown) => {
      for (const { reject } of calls) reject(error);
    });
  };
  return (group, asked) =>
    new Promise((resolve, reject) => {
      const call = { asked, resolve, reject };
      const others = waiting.get(group);
      waiting.set(group, [...(others ?? []), call]);
      if (others === undefined) send(group).catch(reject);
    });
}

async function together<Asked, Answer>(
  calls: readonly Call<Asked, Answer>[],
  answer: Promise<Answer>,
): Promise<void> {
  const answered = await answer;
  for (const { resolve } of calls) resolve(answered);
}

type Registration = Call<readonly Target[], void>;

async function register(cloud: Cloud, group: string, calls: readonly Registration[]): Promise<void> {
  try {
    await together(calls, cloud.register(group, united(calls)));
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== refusedTarget || calls.length === 1) throw error;
    await apart(cloud, group, calls, error.message);
  }
}

/** Those whose instances the refusal names call alone, and the others together; all alone, where it names nobody or everybody. */
async function apart(
  cloud: Cloud,
  group: string,
  calls: readonly Registration[],
  words: string,
): Promise<void> {
  const named = calls.filter(({ asked }) => asked.some(({ id }) => words.includes(id)));
  const others = calls.filter((call) => !named.includes(call));
  const parts =
    named.length === 0 || others.length === 0
      ? calls.map((call) => [call])
      : [...named.map((call) => [call]), others];
  await Promise.all(
    parts.map((part) =>
      register(cloud, group, part).catch((error: unknown) => {
        for (const { reject } of part) reject(error);
      }),
    ),
  );
}

/** Every target once. */
function united(calls: readonly { readonly asked: readonly Target[] }[]): Target[] {
  const all = calls.flatMap(({ asked }) =>
    asked.map(({ id, port }) => [`${id}:${port}`, { id, port }] as const),
  );
  return [...new Map(all).values()];
}

import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { Target, TargetHealth } from '../domain/target-group.js';
import type { Cloud } from './cloud.js';
import { targetRefused } from './failures.js';

/** How long a first call waits for others that can be made with it. ms */
const defaultWindow = 25;

/**
 * A cloud that makes one call of those which register, take out or look at targets of one group at about the same time: the steps of
 * several instances stay on their own, and cost no more calls than one. Each caller gets its own result: a target that is refused fails
 * for the one who input for it, and the others are registered without it.
 */
export function batched(
  cloud: Cloud,
  { clock, gather = defaultWindow }: { readonly clock: Clock; readonly gather?: number },
): Cloud {
  const waitForOthers = () => clock.sleep(gather);
  const registering = batchByGroup<readonly Target[], void>(waitForOthers, (group, calls) =>
    register(cloud, group, calls),
  );
  const deregister = batchByGroup<readonly Target[], void>(waitForOthers, (group, calls) =>
    resolveAll(calls, cloud.deregister(group, uniqueTargets(calls))),
  );
  const readTargets = batchByGroup<void, readonly TargetHealth[]>(waitForOthers, (group, calls) =>
    resolveAll(calls, cloud.targets(group)),
  );
  return {
    instances: (ids) => cloud.instances(ids),
    instancesNamed: (names) => cloud.instancesNamed(names),
    tag: (instances, tags) => cloud.tag(instances, tags),
    untag: (instances, keys) => cloud.untag(instances, keys),
    targetGroups: (names) => cloud.targetGroups(names),
    targets: (group) => readTargets(group, undefined),
    register: (group, targets) => registering(group, targets),
    deregister: (group, targets) => deregister(group, targets),
    tune: (group, tuning) => cloud.tune(group, tuning),
    inboundRules: (securityGroups) => cloud.inboundRules(securityGroups),
  };
}

/** One of the calls that are made together. */
interface Call<Asked, Answer> {
  readonly input: Asked;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers calls by group from the first one until `open` resolves, and hands them over; `make` settles each of them. */
function batchByGroup<Asked, Answer>(
  waitForOthers: () => Promise<void>,
  make: (group: string, calls: readonly Call<Asked, Answer>[]) => Promise<void>,
): (group: string, input: Asked) => Promise<Answer> {
  const waiting = new Map<string, Call<Asked, Answer>[]>();
  const send = async (group: string) => {
    await waitForOthers();
    const calls = waiting.get(group) ?? [];
    waiting.delete(group);
    await make(group, calls).catch((error: unknown) => {
      for (const { reject } of calls) reject(error);
    });
  };
  return (group, input) =>
    new Promise((resolve, reject) => {
      const call = { input, resolve, reject };
      const others = waiting.get(group);
      waiting.set(group, [...(others ?? []), call]);
      if (others === undefined) send(group).catch(reject);
    });
}

async function resolveAll<Asked, Answer>(
  calls: readonly Call<Asked, Answer>[],
  answer: Promise<Answer>,
): Promise<void> {
  const answered = await answer;
  for (const { resolve } of calls) resolve(answered);
}

type Registration = Call<readonly Target[], void>;

async function register(cloud: Cloud, group: string, calls: readonly Registration[]): Promise<void> {
  try {
    await resolveAll(calls, cloud.register(group, uniqueTargets(calls)));
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== targetRefused || calls.length === 1) throw error;
    await registerSeparately(cloud, group, calls, error.message);
  }
}

/** Those whose instances the refusal names call alone, and the others together; all alone, where it names nobody or everybody. */
async function registerSeparately(
  cloud: Cloud,
  group: string,
  calls: readonly Registration[],
  message: string,
): Promise<void> {
  const named = calls.filter(({ input }) => input.some(({ id }) => message.includes(id)));
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
function uniqueTargets(calls: readonly { readonly input: readonly Target[] }[]): Target[] {
  const all = calls.flatMap(({ input }) =>
    input.map(({ id, port }) => [`${id}:${port}`, { id, port }] as const),
  );
  return [...new Map(all).values()];
}

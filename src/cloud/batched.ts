import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { CloudInstance, Target, TargetHealth } from '../domain/target-group.js';
import type { Cloud } from './cloud.js';
import { targetRefused } from './failures.js';

/** How long the first call waits for others to join it. ms */
const defaultWindow = 25;

/**
 * Batches concurrent calls that read instances, or register, deregister or read targets of a group, so that steps of many
 * instances cost one call. Each caller gets its own result: a refused target fails only its own caller.
 */
export function batched(
  cloud: Cloud,
  { clock, window = defaultWindow }: { readonly clock: Clock; readonly window?: number },
): Cloud {
  const waitForOthers = () => clock.sleep(window);
  const registerTargets = batchByGroup<readonly Target[], void>(waitForOthers, (group, calls) =>
    register(cloud, group, calls),
  );
  const deregister = batchByGroup<readonly Target[], void>(waitForOthers, (group, calls) =>
    resolveAll(calls, cloud.deregister(group, uniqueTargets(calls))),
  );
  const readTargets = batchByGroup<void, readonly TargetHealth[]>(waitForOthers, (group, calls) =>
    resolveAll(calls, cloud.targets(group)),
  );
  const readInstances = batchByGroup<readonly string[], readonly CloudInstance[]>(waitForOthers, (_, calls) =>
    instances(cloud, calls),
  );
  return {
    instances: (ids) => readInstances('', ids),
    instancesNamed: (names) => cloud.instancesNamed(names),
    tag: (instances, tags) => cloud.tag(instances, tags),
    untag: (instances, keys) => cloud.untag(instances, keys),
    targetGroups: (names) => cloud.targetGroups(names),
    targets: (group) => readTargets(group, undefined),
    register: (group, targets) => registerTargets(group, targets),
    deregister: (group, targets) => deregister(group, targets),
    tune: (group, tuning) => cloud.tune(group, tuning),
    inboundRules: (securityGroups) => cloud.inboundRules(securityGroups),
  };
}

/** A call in a batch. */
interface Call<Input, Answer> {
  readonly input: Input;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects calls by group until `waitForOthers` resolves, then passes them to `send`, which settles each. */
function batchByGroup<Input, Answer>(
  waitForOthers: () => Promise<void>,
  send: (group: string, calls: readonly Call<Input, Answer>[]) => Promise<void>,
): (group: string, input: Input) => Promise<Answer> {
  const waiting = new Map<string, Call<Input, Answer>[]>();
  const sendAfterWait = async (group: string) => {
    await waitForOthers();
    const calls = waiting.get(group) ?? [];
    waiting.delete(group);
    await send(group, calls).catch((error: unknown) => {
      for (const { reject } of calls) reject(error);
    });
  };
  return (group, input) =>
    new Promise((resolve, reject) => {
      const call = { input, resolve, reject };
      const others = waiting.get(group);
      waiting.set(group, [...(others ?? []), call]);
      if (others === undefined) sendAfterWait(group).catch(reject);
    });
}

async function resolveAll<Input, Answer>(
  calls: readonly Call<Input, Answer>[],
  answer: Promise<Answer>,
): Promise<void> {
  const answered = await answer;
  for (const { resolve } of calls) resolve(answered);
}

async function instances(
  cloud: Cloud,
  calls: readonly Call<readonly string[], readonly CloudInstance[]>[],
): Promise<void> {
  const found = await cloud.instances([...new Set(calls.flatMap(({ input }) => input))]);
  for (const { input, resolve } of calls) resolve(found.filter(({ id }) => input.includes(id)));
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

/** Retries the calls that the error names one by one, and the others together; all one by one if it names none or all. */
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

/** Removes duplicate targets. */
function uniqueTargets(calls: readonly { readonly input: readonly Target[] }[]): Target[] {
  const all = calls.flatMap(({ input }) =>
    input.map(({ id, port }) => [`${id}:${port}`, { id, port }] as const),
  );
  return [...new Map(all).values()];
}

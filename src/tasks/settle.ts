import { z } from 'zod';
import { drainTimeout, groupOf, isRegistered, isTarget, lateRequests } from '../domain/balancing.js';
import { timeOfDay } from '../domain/clock.js';
import { containerOf, containersOf, withState } from '../domain/container.js';
import type { ContainerFacts, Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { settleWaits } from '../domain/group-advice.js';
import { releaseOf } from '../domain/labels.js';
import { canaryOf, current, releaseLog } from '../domain/log.js';
import { dockerOn } from '../domain/plain-command.js';
import { isUp } from '../domain/rollout.js';
import { changesThroughRouter, routerOf } from '../domain/routing.js';
import { namesNetworkFor } from '../domain/service-names.js';
import { Target, type TargetHealth } from '../domain/target-group.js';
import type { Subject, TaskContext } from '../domain/task.js';
import { stopCommand } from './explain-docker.js';
import { isNamedOn, nameCommand, takeName } from './service-names.js';
import { hostName, instanceOf, type Ports, task } from './task.js';

const Intent = z.strictObject({
  containers: z.array(z.string()),
  targets: z.array(Target),
  group: z.string(),
  /** For all targets to drain. ms */
  patience: z.number(),
  /** For one container to stop. ms */
  timeout: z.number(),
  /** The network of the service names, if any of them has a name there. */
  names: z.string().optional(),
});
type Intent = z.infer<typeof Intent>;

/** Stops containers that are neither current, nor registered, nor draining. */
export const targetSettle = task({
  name: 'target.settle',
  version: 1,
  scope: 'instance',
  needs: (service) => (service && changesThroughRouter(service) ? ['hosts', 'cloud'] : ['hosts']),
  summary: 'Stops old containers once their last request is answered, and keeps them.',
  input: z.strictObject({ now: z.boolean().default(true) }),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, { service }) => `stop old ${service?.name} containers once drained`,
  check(facts, { now }, subject) {
    const { service, host, instance } = instanceOf(facts, subject);
    if (routerOf(service) === 'none') return { kind: 'done', because: 'no load balancer', receipt: {} };
    if (!changesThroughRouter(service))
      return { kind: 'done', because: 'already stopped during the swap', receipt: {} };
    const old = oldContainers(facts, host, subject);
    if (old.length === 0) return { kind: 'done', because: 'no old container is running', receipt: {} };
    const names = old.map(({ name }) => name);
    if (!now) {
      const because = `${names.join(', ')} will keep running until you run: oneclick settle`;
      return { kind: 'done', because, receipt: {}, news: true };
    }
    const { group } = groupOf(facts, service);
    const network = namesNetworkFor(host, subject.run, []);
    const isNamed = network !== undefined && old.some((container) => isNamedOn(container, network));
    return {
      kind: 'todo',
      changes: names.map((name) => ({ host: host.host, text: `stop ${name} once drained` })),
      intent: {
        ...{ containers: names, group: group.arn, patience: drainTimeout(group.settings) },
        targets: old.flatMap(({ ports }) => ports.map((port) => ({ id: instance.id, port }))),
        timeout: service.stop.timeout,
        ...(isNamed ? { names: network } : {}),
      },
      expect: {},
      predict: withState(host.host, names, 'exited'),
      waits: settleWaits(group, service.name),
    };
  },
  explain({ containers, timeout, names }, subject) {
    const host = hostName(subject);
    const why = 'stop giving it new requests of other services';
    return [
      ...(names === undefined ? [] : containers.map((name) => nameCommand(host, why, name, names, []))),
      dockerOn(
        host,
        'disable automatic restart of the old container',
        'update',
        '--restart',
        'no',
        ...containers,
      ),
      stopCommand(
        host,
        'stop the old container 15 s after it has drained and keep it for a rollback',
        containers,
        timeout,
      ),
    ];
  },
  async apply(context, intent) {
    const { engine } = context.ports.host(hostName(context.subject));
    const { names } = intent;
    // First: requests by name have the time of the drain to finish.
    if (names !== undefined)
      await Promise.all(intent.containers.map((name) => takeName(engine, name, names)));
    await waitUntilUnused(context, intent);
    await Promise.all(intent.containers.map((name) => engine.setRestart(name, 'no')));
    await Promise.all(intent.containers.map((name) => engine.stop(name, intent.timeout)));
    return {};
  },
  undo: { never: 'a rollback starts stopped containers again' },
});

/** Running containers that are neither current nor canary; none unless the current release runs. */
function oldContainers(facts: Facts, host: HostFacts, { run, service }: Subject): readonly ContainerFacts[] {
  const name = service?.name ?? '';
  const active = current(releaseLog(facts, name))?.release;
  const currentContainer = active === undefined ? undefined : containerOf(host, run, name, active);
  if (currentContainer === undefined || !isUp(currentContainer)) return [];
  const canary = canaryOf(facts, name)?.number;
  return containersOf(host, run, name).filter(
    (other) => isUp(other) && other.name !== currentContainer.name && releaseOf(other) !== canary,
  );
}

/** Waits until all targets have drained, then for late requests. An interrupted settle waits again. */
async function waitUntilUnused(
  { ports, clock, signal, subject, progress }: TaskContext<Ports>,
  { group, targets, patience }: Intent,
): Promise<void> {
  const cloud = ports.cloud();
  const known = (all: readonly TargetHealth[]) =>
    all.filter((health) => targets.some((one) => isTarget(one, health)));
  await ports.poll({
    ...{ what: 'old containers to drain', signal, deadline: clock.monotonic() + patience },
    probe: () => cloud.targets(group),
    until: (all) => {
      const left = known(all);
      const registered = left.find(isRegistered);
      if (registered !== undefined) return { kind: 'failed', failure: inUse(registered, subject) };
      return left.length === 0
        ? { kind: 'done', result: undefined }
        : { kind: 'waiting', because: 'still draining' };
    },
    onWaiting: ({ what, until }) => progress(`${what} (timeout ${timeOfDay(until)})`),
  });
  progress('waiting 15 s more for late requests');
  await clock.sleep(lateRequests, signal);
  const back = known(await cloud.targets(group)).find(isRegistered);
  if (back !== undefined) throw inUse(back, subject);
}

function inUse({ id, port }: TargetHealth, subject: Subject): Failure {
  return new Failure('failed', 'target.used', `the load balancer still sends requests to ${id}:${port}`, {
    ...{ host: hostName(subject), hint: 'run: oneclick lb status' },
  });
}

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
import { Target, type TargetHealth } from '../domain/target-group.js';
import type { Subject, TaskContext } from '../domain/task.js';
import { stopCommand } from './explain-docker.js';
import { hostName, type Ports, placeOf, task } from './task.js';

const Intent = z.strictObject({
  containers: z.array(z.string()),
  targets: z.array(Target),
  group: z.string(),
  /** For all of them to have drained, and for one to stop. ms */
  patience: z.number(),
  timeout: z.number(),
});
type Intent = z.infer<typeof Intent>;

/** Stops what the load balancer has nothing to do with any more: what is neither current, nor registered, nor draining. */
export const targetSettle = task({
  name: 'target.settle',
  version: 1,
  scope: 'instance',
  needs: (service) => (service && changesThroughRouter(service) ? ['hosts', 'cloud'] : ['hosts']),
  summary: 'Stops the containers of other releases, once their last request is answered. They are kept.',
  input: z.strictObject({ now: z.boolean().default(true) }),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, { service }) => `stop the old ${service?.name} when it has drained`,
  check(facts, { now }, subject) {
    const { service, host, instance } = placeOf(facts, subject);
    if (routerOf(service) === 'none')
      return { kind: 'done', because: 'it is behind no load balancer', receipt: {} };
    if (!changesThroughRouter(service))
      return { kind: 'done', because: 'it changes without its load balancer', receipt: {} };
    const old = leftRunning(facts, host, subject);
    if (old.length === 0) return { kind: 'done', because: 'nothing else of it runs here', receipt: {} };
    const names = old.map(({ name }) => name);
    if (!now) {
      const because = `${names.join(', ')} still runs until: oneclick settle`;
      return { kind: 'done', because, receipt: {}, news: true };
    }
    const { group } = groupOf(facts, service);
    return {
      kind: 'todo',
      changes: names.map((name) => ({ host: host.host, text: `stop ${name} once it has drained` })),
      intent: {
        ...{ containers: names, group: group.arn, patience: drainTimeout(group.settings) },
        targets: old.flatMap(({ ports }) => ports.map((port) => ({ id: instance.id, port }))),
        timeout: service.stop.timeout,
      },
      expect: {},
      predict: withState(host.host, names, 'exited'),
      waits: settleWaits(group, service.name),
    };
  },
  explain({ containers, timeout }, subject) {
    const host = hostName(subject);
    return [
      dockerOn(
        host,
        'keep the old one from coming back by itself',
        'update',
        '--restart',
        'no',
        ...containers,
      ),
      stopCommand(host, 'stop the old one, which is kept, 15 s after it has drained', containers, timeout),
    ];
  },
  async apply(context, intent) {
    await untilUnused(context, intent);
    const { engine } = context.ports.host(hostName(context.subject));
    await Promise.all(intent.containers.map((name) => engine.setRestart(name, 'no')));
    await Promise.all(intent.containers.map((name) => engine.stop(name, intent.timeout)));
    return {};
  },
  undo: { never: 'a container that was stopped starts again with a rollback' },
});

/** What runs beside the current release, and is not its canary. Nothing is old where the current one does not run itself. */
function leftRunning(facts: Facts, host: HostFacts, { run, service }: Subject): readonly ContainerFacts[] {
  const name = service?.name ?? '';
  const active = current(releaseLog(facts, name))?.release;
  const serves = active === undefined ? undefined : containerOf(host, run, name, active);
  if (serves === undefined || !isUp(serves)) return [];
  const canary = canaryOf(facts, name)?.number;
  return containersOf(host, run, name).filter(
    (other) => isUp(other) && other.name !== serves.name && releaseOf(other) !== canary,
  );
}

/**
 * Waits until the load balancer knows none of the targets any more, and then for requests that come late. How long they have been
 * gone already nobody can tell, so that time begins here: a settling that was interrupted waits again.
 */
async function untilUnused(
  { ports, clock, signal, subject, progress }: TaskContext<Ports>,
  { group, targets, patience }: Intent,
): Promise<void> {
  const cloud = ports.cloud();
  const known = (all: readonly TargetHealth[]) =>
    all.filter((health) => targets.some((one) => isTarget(one, health)));
  await ports.poll({
    ...{ what: 'the old one to have drained', signal, deadline: clock.monotonic() + patience },
    probe: () => cloud.targets(group),
    until: (all) => {
      const left = known(all);
      const registered = left.find(isRegistered);
      if (registered !== undefined) return { kind: 'failed', failure: inUse(registered, subject) };
      return left.length === 0
        ? { kind: 'done', result: undefined }
        : { kind: 'waiting', because: 'it has requests to answer, or might have' };
    },
    onWaiting: ({ what, until }) => progress(`waits for ${what} until ${timeOfDay(until)}`),
  });
  progress('waits 15 s more for requests that come late');
  await clock.sleep(lateRequests, signal);
  const back = known(await cloud.targets(group)).find(isRegistered);
  if (back !== undefined) throw inUse(back, subject);
}

function inUse({ id, port }: TargetHealth, subject: Subject): Failure {
  return new Failure('failed', 'target.used', `the load balancer still sends requests to ${id}:${port}`, {
    ...{ host: hostName(subject), hint: 'see every target: oneclick lb status' },
  });
}

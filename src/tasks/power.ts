import { z } from 'zod';
import { atHostPort, containerOf, withState } from '../domain/container.js';
import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { releaseOf } from '../domain/labels.js';
import { current, findRelease, releaseLog } from '../domain/log.js';
import { dockerOn, type PlainCommand } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { isUp, serving } from '../domain/rollout.js';
import { secondCopy, singletonElsewhere, singletonUnknown } from '../domain/singleton.js';
import type { Subject, TaskContext, Verdict } from '../domain/task.js';
import { requireNoCrash, setPolicy } from './crash.js';
import { stopCommand } from './explain-docker.js';
import { healthCommand } from './explain-health.js';
import { waitUntilHealthy } from './health.js';
import { startOnNetwork } from './network.js';
import { hostName, instanceOf, type Ports, serviceOf, task } from './task.js';

const Running = z.strictObject({
  name: z.string(),
  /** For the health check; absent if the release log has lost it. */
  spec: ContainerSpec.optional(),
});
type Running = z.infer<typeof Running>;
const StopIntent = z.strictObject({ containers: z.array(Running), timeout: z.number() });

function stopVerdict(
  verb: 'restart' | 'stop',
  facts: Facts,
  subject: Subject,
): Verdict<Facts, z.infer<typeof StopIntent>, Record<string, never>> {
  const { service, host } = instanceOf(facts, subject);
  const containers = running(facts, subject);
  const [other] = singletonElsewhere(facts, subject.run, service);
  if (containers.length === 0 && other !== undefined) {
    const because = `runs on ${other.host}, not here (to move it, run: oneclick deploy ${service.name})`;
    return { kind: 'done', because, receipt: {}, news: true };
  }
  if (containers.length === 0) return { kind: 'done', because: 'not running', receipt: {} };
  const names = containers.map(({ name }) => name);
  return {
    kind: 'todo',
    changes: names.map((name) => ({ host: host.host, text: `${verb} ${name}` })),
    intent: { containers, timeout: service.stop.timeout },
    expect: {},
    predict: verb === 'stop' ? withState(host.host, names, 'exited') : (later) => later,
  };
}

/** Restarts the running containers and waits until they are healthy. */
export const containerRestart = task({
  name: 'container.restart',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Restarts the running container and waits until it is healthy.',
  input: z.strictObject({}),
  intent: StopIntent,
  receipt: z.strictObject({}),
  title: (_, subject) => `restart ${serviceOf(subject).name}`,
  check: (facts, _, subject) => stopVerdict('restart', facts, subject),
  explain: ({ containers, timeout }, subject) =>
    containers.flatMap((container) => [
      stopCommand(hostName(subject), `stop ${container.name}`, [container.name], timeout),
      ...startCommands(container, subject),
    ]),
  async apply(context, { containers, timeout }) {
    const { engine } = context.ports.host(hostName(context.subject));
    for (const container of containers) {
      await engine.stop(container.name, timeout);
      await startAndWait(context, container);
    }
    return {};
  },
  undo: startAgain,
});

/** Stops the running containers; the current release stays current. */
export const containerHalt = task({
  name: 'container.halt',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Stops the running container and keeps it; the current release stays current.',
  input: z.strictObject({}),
  intent: StopIntent,
  receipt: z.strictObject({}),
  title: (_, subject) => `stop ${serviceOf(subject).name}`,
  check: (facts, _, subject) => stopVerdict('stop', facts, subject),
  explain({ containers, timeout }, subject) {
    const names = containers.map(({ name }) => name);
    return [
      stopCommand(
        hostName(subject),
        'stop the running container; the current release stays current',
        names,
        timeout,
      ),
    ];
  },
  async apply({ ports, subject }, { containers, timeout }) {
    const { engine } = ports.host(hostName(subject));
    // The restart policy stays, so that later runs do not mistake this for a dead run.
    await Promise.all(containers.map(({ name }) => engine.stop(name, timeout)));
    return {};
  },
  undo: startAgain,
});

const WakeIntent = z.strictObject({ name: z.string(), spec: ContainerSpec, timeout: z.number() });

/** Starts the container of the current release and waits until it is healthy. */
export const containerWake = task({
  name: 'container.wake',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Starts the container of the current release and waits until it is healthy.',
  input: z.strictObject({}),
  intent: WakeIntent,
  receipt: z.strictObject({}),
  title: (_, subject) => `start ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const { service, host } = instanceOf(facts, subject);
    if (running(facts, subject).length > 0) return { kind: 'done', because: 'already running', receipt: {} };
    const hint = `to move it to ${host.host}: oneclick deploy ${service.name}`;
    const other =
      secondCopy(facts, subject.run, service, hint) ?? singletonUnknown(facts, subject.run, service);
    if (other !== undefined) return { kind: 'blocked', problems: [other] };
    const release = current(releaseLog(facts, service.name))?.release;
    const kept = release === undefined ? undefined : containerOf(host, subject.run, service.name, release);
    if (release === undefined || kept === undefined) {
      const message = `${service.name} has no container to start`;
      const problem = new Failure('failed', 'container.none', message, {
        ...{ host: host.host, hint: `run: oneclick deploy ${service.name}` },
      });
      return { kind: 'blocked', problems: [problem] };
    }
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `start ${kept.name}` }],
      intent: { name: kept.name, spec: specAt(kept, release.spec), timeout: service.stop.timeout },
      expect: {},
      predict: withState(host.host, [kept.name], 'running'),
    };
  },
  explain({ name, spec }, subject) {
    return [
      ...startCommands({ name, spec }, subject),
      dockerOn(hostName(subject), 'enable automatic restart', 'update', '--restart', spec.restart, name),
    ];
  },
  async apply(context, { name, spec }) {
    await startAndWait(context, { name, spec });
    const host = context.ports.host(hostName(context.subject));
    await setPolicy(host, name, spec.restart, context);
    await requireNoCrash(host, name);
    return {};
  },
  async undo({ ports, subject }, { name, timeout }) {
    await ports.host(hostName(subject)).engine.stop(name, timeout);
  },
});

function running(facts: Facts, subject: Subject): Running[] {
  const { service, host } = instanceOf(facts, subject);
  const log = releaseLog(facts, service.name);
  const specOf = (container: ContainerFacts) => {
    const release = findRelease(log, releaseOf(container) ?? 0) ?? current(log)?.release;
    return release === undefined ? undefined : specAt(container, release.spec);
  };
  return serving(host, subject.run, service.name).map((container) => {
    const spec = specOf(container);
    return { name: container.name, ...given({ spec }) };
  });
}

function specAt({ ports }: ContainerFacts, spec: ContainerSpec): ContainerSpec {
  return spec.port?.range === undefined ? spec : atHostPort(spec, ports[0]);
}

async function startAndWait(context: TaskContext<Ports>, { name, spec }: Running): Promise<void> {
  const host = context.ports.host(hostName(context.subject));
  await startOnNetwork(host.engine, name, context.subject.run, context.subject.service?.name);
  if (spec !== undefined) await waitUntilHealthy(host, name, spec, context);
}

function startCommands({ name, spec }: Running, subject: Subject): readonly PlainCommand[] {
  const host = hostName(subject);
  const start = dockerOn(host, `start ${name}`, 'start', name);
  return spec === undefined ? [start] : [start, healthCommand(host, name, spec)];
}

async function startAgain(
  context: TaskContext<Ports>,
  { containers }: z.infer<typeof StopIntent>,
): Promise<void> {
  const { engine } = context.ports.host(hostName(context.subject));
  for (const container of containers) {
    const found = await engine.container(container.name);
    if (found !== undefined && !isUp(found)) await startAndWait(context, container);
  }
}

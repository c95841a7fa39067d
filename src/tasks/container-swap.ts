import { z } from 'zod';
import { containerOf, containersOf, withState } from '../domain/container.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { label, releaseOf } from '../domain/labels.js';
import { dockerOn } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { isProvisional, isUp, leftoverContainers, Rollout, serves } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import { secondCopy } from '../domain/singleton.js';
import type { Subject } from '../domain/task.js';
import { pruneHint } from '../domain/unconfigured.js';
import type { Host } from '../host/host.js';
import { stopCommand } from './explain-docker.js';
import { waitUntilHealthy } from './health.js';
import { startOnNetwork } from './network.js';
import { hostName, instanceOf, serviceOf, task } from './task.js';

const Stopped = z.strictObject({
  name: z.string(),
  restart: z.string(),
  /** Whether an undo starts it again. */
  comesBack: z.boolean(),
});
const StopIntent = z.strictObject({
  containers: z.array(Stopped),
  /** For the health check after an undo. */
  spec: ContainerSpec.optional(),
  timeout: z.number(),
});

/** Stops the old containers; an undo starts them and waits until they are healthy. */
export const containerStop = task({
  name: 'container.stop',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Stops the old container and keeps it; a reboot does not start it.',
  provides: 'stopped',
  input: z.strictObject({
    release: z.enum(['old']).default('old'),
    rollout: Rollout,
    container: z.string(),
    /** Whether an undo starts the service on another host instead. */
    moved: z.boolean().default(false),
  }),
  intent: StopIntent,
  receipt: z.strictObject({ at: z.number().optional() }),
  defaults: { rollout: '{{ rollout }}', container: '{{ container.name }}', moved: '{{ retired.moved }}' },
  title: ({ rollout }, { service }) =>
    rollout.before === undefined
      ? `stop old ${service?.name} containers`
      : `stop ${service?.name} release ${rollout.before.number}`,
  check(facts, input, subject) {
    const { service, host } = instanceOf(facts, subject);
    const old = oldContainers(facts, host, subject, service, input);
    if (old.length === 0) return { kind: 'done', because: 'no old container is running', receipt: {} };
    const names = old.map(({ name }) => name);
    const spec = (input.rollout.before ?? input.rollout.adopted)?.spec;
    return {
      kind: 'todo',
      title: stopTitle(service, host, names),
      changes: names.map((name) => ({ host: host.host, text: `stop ${name}` })),
      intent: { containers: old, timeout: service.stop.timeout, ...given({ spec }) },
      expect: {},
      predict: withState(host.host, names, 'exited'),
    };
  },
  explain({ containers, timeout }, subject) {
    const host = hostName(subject);
    const names = containers.map(({ name }) => name);
    return [
      dockerOn(host, 'disable automatic restart of the old container', 'update', '--restart', 'no', ...names),
      stopCommand(host, 'stop the old container and keep it for a rollback', names, timeout),
    ];
  },
  async apply({ ports, subject, clock }, { containers, timeout }) {
    const { engine } = ports.host(hostName(subject));
    // First all policies: an engine refuses to update a container that is stopping.
    await Promise.all(containers.map(({ name }) => engine.setRestart(name, 'no')));
    const at = clock.now().getTime();
    await Promise.all(containers.map(({ name }) => engine.stop(name, timeout)));
    return { at };
  },
  async undo(context, { containers, spec }, receipt) {
    const host = context.ports.host(hostName(context.subject));
    let wasDown = receipt !== undefined;
    for (const { name, restart, comesBack } of containers) {
      if (!comesBack) continue;
      const { run, service } = context.subject;
      if (!wasDown) wasDown = await isDown(host, name);
      await startOnNetwork(host.engine, name, run, service?.name);
      // First: an unhealthy container must also survive a reboot.
      await host.engine.setRestart(name, restart);
      if (spec !== undefined) await waitUntilHealthy(host, name, spec, context).catch(asPassing);
    }
    const comesBack = containers.some((container) => container.comesBack);
    return wasDown && comesBack ? { upAt: context.clock.now().getTime() } : undefined;
  },
});

async function isDown({ engine }: Host, name: string): Promise<boolean> {
  const found = await engine.container(name);
  return found === undefined || !isUp(found);
}

/** Names the releases that run here: after a partial deploy, hosts differ. */
function stopTitle({ name }: Service, { containers }: HostFacts, stopped: readonly string[]): string {
  const found = containers.filter((container) => stopped.includes(container.name)).map(releaseOf);
  const releases = [...new Set(found)].filter((release) => release !== undefined);
  if (releases.length < 1 || found.includes(undefined)) return `stop ${stopped.join(', ')}`;
  return `stop ${name} release${releases.length === 1 ? '' : 's'} ${releases.join(', ')}`;
}

/** A stopping engine may accept a start, then kill the container; a later start can succeed. */
export function asPassing(error: unknown): never {
  if (!(error instanceof Failure && error.code === 'health.ended')) throw error;
  const { kind, code, message } = error;
  throw new Failure(kind, code, message, { ...error, transient: true, cause: error });
}

/**
 * All containers of the service but the new one. An undo starts those again that served, whatever the log says. If none
 * did, because a dead run stopped it, it starts the current release, with the release's restart policy.
 */
function oldContainers(
  facts: Facts,
  host: HostFacts,
  subject: Subject,
  service: Service,
  { rollout, container, moved }: { rollout: Rollout; container: string; moved: boolean },
): z.infer<typeof Stopped>[] {
  const adopted = host.containers.find(({ name }) => name === rollout.adopted?.adopted);
  const ours = containersOf(host, subject.run, service.name);
  const others = (adopted === undefined ? ours : [...ours, adopted]).filter(({ name }) => name !== container);
  const before = rollout.before ?? rollout.adopted;
  const active =
    rollout.before === undefined ? adopted : containerOf(host, subject.run, service.name, rollout.before);
  const dead = new Set(
    leftoverContainers(host, facts, subject.run, service.name, subject.run.id).map(({ name }) => name),
  );
  const isServed = others.some(serves);
  const provisional = active !== undefined && before !== undefined && isProvisional(active, before);
  const interrupted =
    !moved && !isServed && (provisional || (active !== undefined && !isUp(active) && dead.size > 0));
  return others
    .filter((other) => isUp(other) || (interrupted && other.name === active?.name))
    .map((other) => ({
      name: other.name,
      restart:
        other.restart === '' || (interrupted && other.name === active?.name)
          ? (before?.spec.restart ?? 'no')
          : other.restart,
      comesBack: interrupted
        ? other.name === active?.name
        : (serves(other) || !dead.has(other.name)) && !(moved && provisional),
    }));
}

const StartIntent = z.strictObject({ name: z.string(), timeout: z.number() });

/** Starts the new container; one started by a dead run must become healthy first. */
export const containerStart = task({
  name: 'container.start',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Starts the new container, without automatic restart until it is healthy.',
  provides: 'started',
  input: z.strictObject({ container: z.string(), rollout: Rollout }),
  intent: StartIntent,
  receipt: z.strictObject({ fresh: z.boolean() }),
  defaults: { container: '{{ container.name }}', rollout: '{{ rollout }}' },
  title: ({ rollout }, { service }) => `start ${service?.name} release ${rollout.release.number}`,
  check(facts, { container, rollout }, subject) {
    const { service, host } = instanceOf(facts, subject);
    const known = host.containers.find(({ name }) => name === container);
    if (known !== undefined && isUp(known) && !isProvisional(known, rollout.release)) {
      return { kind: 'done', because: 'already running', receipt: { fresh: false } };
    }
    const copy = secondCopy(
      facts,
      subject.run,
      service,
      'add container.retire before container.create in your copy of the recipe',
    );
    if (copy !== undefined) return { kind: 'blocked', problems: [copy] };
    const taken = portTaken(
      facts,
      host,
      subject,
      known?.ports[0] ?? rollout.release.spec.port?.host,
      container,
    );
    if (taken !== undefined) return { kind: 'blocked', problems: [taken] };
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `start ${container}` }],
      intent: { name: container, timeout: service.stop.timeout },
      expect: { fresh: true },
      predict: withState(host.host, [container], 'running'),
    };
  },
  explain: ({ name }, subject) => [dockerOn(hostName(subject), `start ${name}`, 'start', name)],
  async apply({ ports, subject }, { name }) {
    const { engine } = ports.host(hostName(subject));
    await startOnNetwork(engine, name, subject.run, serviceOf(subject).name);
    return { fresh: true };
  },
  async undo({ ports, subject, clock }, { name, timeout }) {
    const { engine } = ports.host(hostName(subject));
    const found = await engine.container(name);
    if (found === undefined || !isUp(found)) return undefined;
    if (found.restart !== 'no') await engine.setRestart(name, 'no');
    const at = clock.now().getTime();
    await engine.stop(name, timeout);
    return { at };
  },
});

function portTaken(
  facts: Facts,
  host: HostFacts,
  { run }: Subject,
  port: number | undefined,
  container: string,
): Failure | undefined {
  if (port === undefined) return undefined;
  const holder = host.containers.find(
    (other) => other.name !== container && isUp(other) && other.ports.includes(port),
  );
  if (holder !== undefined) {
    const message = `port ${port} is in use by container ${holder.name}`;
    const hint =
      holder.labels[label.service] === undefined
        ? `adopt the container: --adopt ${holder.name}`
        : (pruneHint(facts, run, host.host, holder) ?? 'change the port of one of them in oneclick.yml');
    return new Failure('failed', 'port.taken', message, { host: host.host, hint });
  }
  if (!host.listening.includes(port)) return undefined;
  return new Failure('failed', 'port.taken', `port ${port} is in use by a process outside Docker`, {
    host: host.host,
    hint: `find the process: ss -ltnp 'sport = :${port}'`,
  });
}

import { isOurs } from '../domain/container.js';
import type { ContainerFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { label } from '../domain/labels.js';
import { serves } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Host } from '../host/host.js';
import { leaseHolders } from '../host/lease/lease.js';
import type { ConnectedEnvironment } from './connect.js';
import type { ServiceInstance } from './instances.js';
import type { Session } from './session.js';

/** 128 + SIGKILL: a container that stops kills all of its processes. */
const killed = 137;
/** The engine may report the end of a process before that of its container. Looks, every 100 ms. */
const maxLooks = 5;

/** The session and connections to look up a container that has ended. */
export interface EndedContainerPorts {
  readonly session: Pick<Session, 'id' | 'context'>;
  readonly connected: Pick<ConnectedEnvironment, 'hosts'>;
  readonly place: ServiceInstance;
}

/**
 * Runs `work` in the container of `place` and returns its exit code. Calls `tell` if the command was killed because the
 * container stopped. A Failure of the engine for that reason is replaced by one that says so, `container.ended`.
 */
export async function tellingWhyEnded(
  ports: EndedContainerPorts,
  work: () => Promise<number>,
  tell: (text: string) => void,
): Promise<number> {
  const code = await namingEnd(ports, work);
  const reason = code === killed ? await whyEnded(ports) : undefined;
  if (reason !== undefined) tell(reason);
  return code;
}

/** Runs `work` in the container of `place`. Replaces a Failure of the engine by `container.ended` if the container is the reason. */
export async function namingEnd<T>(ports: EndedContainerPorts, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isRefused = error instanceof Failure && error.kind === 'failed';
    const reason = isRefused ? await whyEnded(ports, 1) : undefined;
    if (!isRefused || reason === undefined) throw error;
    const { message: detail, host } = error;
    throw new Failure('failed', 'container.ended', reason, {
      ...{ host: host ?? ports.place.instance.host, cause: error, evidence: [detail] },
      hint: 'run it again; it then uses the container that runs now',
    });
  }
}

/**
 * Returns a sentence if the container of `place` no longer runs since it was read: `shop-web-3 on server-1 was stopped (by run
 * f20784)`. Never throws.
 */
export async function whyEnded(
  { session, connected, place: { container: before, instance, service } }: EndedContainerPorts,
  looks = maxLooks,
): Promise<string | undefined> {
  const host = connected.hosts.connected.get(instance.host);
  if (host === undefined || before === undefined) return undefined;
  const { clock } = session.context;
  try {
    for (let look = 1; ; look += 1) {
      const end = endOf(before, await host.engine.container(before.id));
      if (end !== undefined) {
        const run = await endingRun(session, host, service, before.id);
        return `${before.name} on ${host.name} ${end}${run === undefined ? '' : ` (by run ${run})`}`;
      }
      if (look >= looks) return undefined;
      await clock.sleep(100, host.lost);
    }
  } catch {
    return undefined;
  }
}

function endOf(before: ContainerFacts, now: ContainerFacts | undefined): string | undefined {
  if (now === undefined) return 'was removed';
  if (now.state === 'restarting') return 'is restarting';
  if (now.state !== 'running' && now.state !== 'paused')
    return now.outOfMemory === true ? 'ran out of memory and stopped' : 'was stopped';
  // An adopted container was only listed, without its start.
  return before.started === undefined || now.started === before.started ? undefined : 'was restarted';
}

/** The run that holds the lease, or else the one that started the next container. */
async function endingRun(
  { id }: Pick<Session, 'id'>,
  host: Host,
  service: Service,
  container: string,
): Promise<string | undefined> {
  const [holder] = await leaseHolders([host], id).catch(() => []);
  if (holder !== undefined) return holder.run;
  const all = await host.engine.containers().catch(() => []);
  const next = all.find(
    (other) =>
      other.id !== container &&
      serves(other) &&
      isOurs(other, id) &&
      other.labels[label.service] === service.name &&
      other.labels[label.role] === 'service',
  );
  return next?.labels[label.run];
}

import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import type { InspectedContainer } from '../../domain/facts.js';
import { label } from '../../domain/labels.js';
import type { ContainerOptions } from '../host.js';
import { ApiError } from './api.js';
import type { EngineCalls } from './engine-calls.js';
import { unixTime } from './read-logs.js';

const Created = z.object({ Id: z.string() });

/** See `Engine.create`. */
export async function createContainer(
  calls: EngineCalls,
  { name, config }: ContainerOptions,
  find: (name: string) => Promise<InspectedContainer | undefined>,
): Promise<string> {
  const action = `create container ${name}`;
  const request = { method: 'POST', path: '/containers/create', query: { name }, body: config } as const;
  try {
    return Created.parse(await calls.raw(action, request)).Id;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw calls.translate(action, error);
    const existing = await find(name);
    const labels = labelsOf(config);
    // Another environment may have the same name and step.
    const isSame = identity.every((key) => existing?.labels[key] === labels[key]);
    if (labels[label.step] !== undefined && isSame && existing !== undefined) return existing.id;
    throw calls.translate(action, error);
  }
}

const identity = [label.step, label.project, label.environment];

function labelsOf(config: ContainerOptions['config']): Readonly<Record<string, unknown>> {
  const { Labels } = config;
  return typeof Labels === 'object' && Labels !== null ? { ...Labels } : {};
}

/** See `Engine.remove`. */
export async function removeContainer(calls: EngineCalls, idOrName: string): Promise<void> {
  const action = `remove container ${idOrName}`;
  const request = { method: 'DELETE', path: `/containers/${idOrName}`, query: { force: 'true' } } as const;
  try {
    await calls.raw(action, request);
  } catch (error) {
    const isGoing = error instanceof ApiError && /is already in progress/.test(error.message);
    if (!isGoing && !(error instanceof ApiError && error.status === 404))
      throw calls.translate(action, error);
  }
}

/** See `Engine.setRestart`. */
export async function setRestart(
  calls: EngineCalls,
  lost: AbortSignal,
  clock: Clock,
  idOrName: string,
  policy: string,
): Promise<void> {
  const body = { RestartPolicy: { Name: policy } };
  const request = { method: 'POST', path: `/containers/${idOrName}/update`, body } as const;
  const action = `set the restart policy of ${idOrName}`;
  for (let tries = 1; ; tries += 1) {
    try {
      await calls.raw(action, request);
      return;
    } catch (error) {
      // The engine refuses while the process is exiting.
      const isExiting = error instanceof ApiError && /stopped container|not running/.test(error.message);
      if (!isExiting || tries === 20) throw calls.translate(action, error);
      await clock.sleep(100, lost);
    }
  }
}

const Died = z.object({ Actor: z.object({ Attributes: z.object({ exitCode: z.string() }) }) });

/** Restarts are at most a minute apart. ms */
const crashAge = 10 * 60_000;

/** Adds the last exit code of a container that runs again after a crash, from the engine's recent events. */
export async function withLastExit(
  calls: EngineCalls,
  container: InspectedContainer,
): Promise<InspectedContainer> {
  const { id, started, state, restarts = 0 } = container;
  if (restarts === 0 || started === undefined || state !== 'running') return container;
  const query = {
    since: unixTime(new Date(Date.parse(started) - crashAge).toISOString()),
    until: unixTime(started),
    filters: JSON.stringify({ container: [id], event: ['die'] }),
  };
  const request = { method: 'GET', path: '/events', query, stream: true } as const;
  const read = async (stream: AsyncIterable<Buffer>) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  // The engine forgets events; the rest of the facts does not depend on them.
  const text = await calls.read(`read the events of ${id}`, request, {}, read).catch(() => '');
  const last = text.trim().split('\n').at(-1) ?? '';
  const exit = exitCodeOf(last);
  return exit === undefined ? container : { ...container, exit };
}

function exitCodeOf(event: string): number | undefined {
  try {
    return Number(Died.parse(JSON.parse(event)).Actor.Attributes.exitCode);
  } catch {
    return undefined;
  }
}

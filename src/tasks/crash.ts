import type { Clock } from '../domain/clock.js';
import type { ContainerFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { crashText } from '../domain/service-status.js';
import type { Host } from '../host/host.js';
import { failedLog } from './failed-log.js';

/**
 * Throws an `unhealthy` {@link Failure} with the exit code and the last log lines if a container that was healthy has ended, or if the
 * engine has restarted it since it was started.
 */
export async function requireNoCrash(host: Host, name: string): Promise<void> {
  const container = await host.engine.container(name);
  const message = crashOf(container);
  if (message === undefined) return;
  const hint =
    container?.outOfMemory === true
      ? 'raise its memory limit in oneclick.yml, such as memory: 512m'
      : undefined;
  const { evidence, log, hint: logHint } = await failedLog(host, name);
  throw new Failure('unhealthy', 'health.ended', message, {
    ...{ host: host.name, evidence },
    ...given({ hint: hint ?? logHint, log }),
  });
}

/** How long the engine may take to report the end of a process. ms */
const reportTime = 2000;
const pause = 100;

/** Sets the restart policy of a container that was healthy. Throws as {@link requireNoCrash} does if its process has just ended. */
export async function setPolicy(
  host: Host,
  name: string,
  policy: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  try {
    await host.engine.setRestart(name, policy);
  } catch (error) {
    // "cannot update a deleted process": the engine reports the end of that process a moment later.
    for (let waited = 0; waited < reportTime; waited += pause) {
      await requireNoCrash(host, name);
      await clock.sleep(pause, signal);
    }
    throw error;
  }
}

function crashOf(container: ContainerFacts | undefined): string | undefined {
  if (container === undefined) return 'the container became healthy, then was removed';
  const { state, restarts = 0 } = container;
  if ((state === 'running' || state === 'paused') && restarts === 0) return undefined;
  return `the container became healthy, then ${crashText(container)}`;
}

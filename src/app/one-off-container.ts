import { containerConfig, containerLabels, networkName } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { prefix, releaseOf } from '../domain/labels.js';
import { current, findRelease, releaseLog } from '../domain/log.js';
import type { Release } from '../domain/release.js';
import type { RunInfo } from '../domain/task.js';
import type { Host, Process, StdioOptions } from '../host/host.js';
import type { ServiceInstance } from './instances.js';

/** The release that runs at the place, or the current one. Throws a Failure when there was none yet. */
export function releaseAt(facts: Facts, { service, container }: ServiceInstance): Release {
  const log = releaseLog(facts, service.name);
  const number = container === undefined ? undefined : releaseOf(container);
  const found = number === undefined ? undefined : findRelease(log, number);
  const release = found ?? current(log)?.release;
  if (release !== undefined) return release;
  throw new Failure('failed', 'release.none', `${service.name} has no release yet`, {
    hint: `oneclick deploy ${service.name}`,
  });
}

export interface OneOff {
  readonly host: Host;
  readonly run: RunInfo;
  readonly service: string;
  readonly release: Release;
  readonly argv: readonly string[];
  readonly secrets: ReadonlyMap<string, string>;
  readonly dialogue: StdioOptions;
}

/**
 * Runs a command in a container of its own, made as those of the release are, but for the port, the restart policy and
 * the health check; the command takes the place of the image's entrypoint, as it does in a running container. `talk` is given
 * its process; the container is removed afterwards, whatever happens. Secrets travel in the body of a request.
 */
export async function inOneOffContainer<T>(
  fresh: OneOff,
  talk: (process: Process) => Promise<T>,
): Promise<T> {
  const { host, run, service, release, argv, secrets, dialogue } = fresh;
  const { port: _, ...spec } = release.spec;
  const name = `${prefix(run)}-${service}-${release.number}-exec-${run.id}`;
  const config = containerConfig(spec, {
    // No service container: nothing of the release's life looks at it.
    labels: containerLabels({ run, step: 'exec', services: [] }, service, release, 'exec'),
    network: networkName(run),
    volumePrefix: prefix(run),
    secrets,
  });
  const io = { AttachStdin: dialogue.input, OpenStdin: dialogue.input, StdinOnce: dialogue.input };
  const id = await host.engine.create({
    name,
    config: {
      ...{ ...config, ...io, AttachStdout: true, AttachStderr: true, Tty: dialogue.terminal !== undefined },
      ...{ Entrypoint: argv, Cmd: [], Healthcheck: { Test: ['NONE'] } },
    },
  });
  try {
    return await talk(await host.engine.attach(id, dialogue));
  } finally {
    await host.engine.remove(id);
  }
}

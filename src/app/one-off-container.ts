import { containerConfig, containerLabels } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { prefix, releaseOf } from '../domain/labels.js';
import { current, findRelease, releaseLog } from '../domain/log.js';
import { namesFor } from '../domain/names.js';
import { creationProblem, type Release } from '../domain/release.js';
import { namesNetworkFor } from '../domain/service-names.js';
import type { RunInfo } from '../domain/task.js';
import type { Host, Process, StdioOptions } from '../host/host.js';
import { placeOf } from '../tasks/container-config.js';
import { ensureDataVolumes } from '../tasks/own-names.js';
import { joinNames } from '../tasks/service-names.js';
import { hostFacts } from '../tasks/task.js';
import type { ServiceInstance } from './instances.js';

/** Returns the release that the instance runs, or the current one. Throws a Failure if there is none. */
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

export interface OneOffRequest {
  readonly host: Host;
  readonly facts: Facts;
  readonly run: RunInfo;
  readonly service: string;
  readonly release: Release;
  readonly argv: readonly string[];
  readonly secrets: ReadonlyMap<string, string>;
  readonly dialogue: StdioOptions;
}

/**
 * Runs a command in a temporary container of the release, without its port, restart policy and health check. The command
 * replaces the entrypoint of the image. Passes the process to `use`, and removes the container afterwards in any case. Throws a
 * Failure if this version cannot create a container of the release, or if a volume may be somebody else's.
 */
export async function inOneOffContainer<T>(
  request: OneOffRequest,
  use: (process: Process) => Promise<T>,
): Promise<T> {
  const { host, facts, run, service, release, argv, secrets, dialogue } = request;
  const problem = creationProblem(service, release, host.name);
  if (problem !== undefined) throw problem;
  const { port: _, ...spec } = release.spec;
  const name = `${prefix(run)}-${service}-${release.number}-exec-${run.id}`;
  const names = namesFor({ facts, host: hostFacts(facts, host.name), id: run, service, spec });
  if (names instanceof Failure) throw names;
  await ensureDataVolumes(host.engine, spec, run, names);
  const config = containerConfig(spec, {
    // With another role, tasks and status ignore the container.
    labels: containerLabels({ run, step: 'exec', services: [] }, service, release, 'exec'),
    ...placeOf(run, names),
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
    const network = namesNetworkFor(hostFacts(facts, host.name), run, []);
    if (network !== undefined) await joinNames(host.engine, name, { network, fixed: false }, run);
    return await use(await host.engine.attach(id, dialogue));
  } finally {
    await host.engine.remove(id);
  }
}

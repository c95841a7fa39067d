import { atHostPort, containerConfig, containerLabels } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import { prefix } from '../domain/labels.js';
import { logCopy } from '../domain/log-copy.js';
import { type Names, volumeName } from '../domain/names.js';
import type { Activation, Release } from '../domain/release.js';
import { isNamedWhenHealthy } from '../domain/service-names.js';
import type { Subject } from '../domain/task.js';
import { serviceOf } from './task.js';

/** Returns the network and the names of the volumes, for {@link containerConfig}. */
export function placeOf(id: EnvironmentId, names: Names) {
  return {
    network: names.network ?? prefix(id),
    volumeName: (name: string) => volumeName(id, name, names),
  };
}

type Secrets = ReadonlyMap<string, string>;

/** A service container to create. */
export interface NewContainer {
  readonly release: Release;
  /** From the release's port range, if it has one. */
  readonly port?: number | undefined;
  /** The last lines of the release log, of which the container carries a copy. */
  readonly log?: readonly Activation[] | undefined;
}

/** Returns the body of `POST /containers/create` for a service container of a release. */
export function serviceConfig(
  { release, port, log }: NewContainer,
  subject: Subject,
  names: Names,
  secrets: Secrets = new Map(),
) {
  const { run } = subject;
  const service = serviceOf(subject);
  const { name } = service;
  return containerConfig(atHostPort(release.spec, port), {
    labels: containerLabels(subject, name, release, 'service', log && logCopy(log)),
    ...placeOf(run, names),
    ...(isNamedWhenHealthy(service) ? {} : { alias: name }),
    secrets,
  });
}

/** Like {@link serviceConfig}, for the release command: without a port, because the service uses it. */
export function commandConfig(
  release: Release,
  command: readonly string[],
  subject: Subject,
  names: Names,
  secrets: Secrets = new Map(),
) {
  const { run } = subject;
  const { port: _, ...spec } = release.spec;
  return containerConfig(
    { ...spec, command: [...command] },
    {
      labels: containerLabels(subject, serviceOf(subject).name, release, 'command'),
      ...placeOf(run, names),
      secrets,
    },
  );
}

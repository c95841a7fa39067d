import { atHostPort, containerConfig, containerLabels, networkName } from '../domain/container.js';
import { prefix } from '../domain/labels.js';
import { logCopy } from '../domain/log-copy.js';
import type { Activation, Release } from '../domain/release.js';
import type { Subject } from '../domain/task.js';
import { serviceOf } from './task.js';

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
  secrets: Secrets = new Map(),
) {
  const { run } = subject;
  const { name } = serviceOf(subject);
  return containerConfig(atHostPort(release.spec, port), {
    labels: containerLabels(subject, name, release, 'service', log && logCopy(log)),
    network: networkName(run),
    alias: name,
    volumePrefix: prefix(run),
    secrets,
  });
}

/** Like {@link serviceConfig}, for the release command: without a port, because the service uses it. */
export function commandConfig(
  release: Release,
  command: readonly string[],
  subject: Subject,
  secrets: Secrets = new Map(),
) {
  const { run } = subject;
  const { port: _, ...spec } = release.spec;
  return containerConfig(
    { ...spec, command: [...command] },
    {
      labels: containerLabels(subject, serviceOf(subject).name, release, 'command'),
      network: networkName(run),
      volumePrefix: prefix(run),
      secrets,
    },
  );
}

import { atHostPort, containerConfig, containerLabels, networkName } from '../domain/container.js';
import { prefix } from '../domain/labels.js';
import type { Release } from '../domain/release.js';
import type { Subject } from '../domain/task.js';
import { serviceOf } from './task.js';

type Secrets = ReadonlyMap<string, string>;

/** The body of `POST /containers/create` for a container of this release that serves. */
export function serviceConfig(
  release: Release,
  port: number | undefined,
  subject: Subject,
  secrets: Secrets = new Map(),
) {
  const { run } = subject;
  const { name } = serviceOf(subject);
  return containerConfig(atHostPort(release.spec, port), {
    labels: containerLabels(subject, name, release, 'service'),
    network: networkName(run),
    alias: name,
    volumePrefix: prefix(run),
    secrets,
  });
}

/** The same for its release command, which serves nobody: its container must not take the service's port. */
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

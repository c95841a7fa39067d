import { z } from 'zod';
import { containerOf, containersOf, failedContainers, isOurs, withHost } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import type { ContainerFacts, Facts, HostFacts } from '../domain/facts.js';
import { familiarName } from '../domain/image.js';
import { label } from '../domain/labels.js';
import { maxLogLines, releaseLog, rollbackHistory } from '../domain/log.js';
import { lineVolume } from '../domain/names.js';
import { dockerOn } from '../domain/plain-command.js';
import type { Activation, Release } from '../domain/release.js';
import { isUp, Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { keptWarning, removeUnused } from './remove-unused.js';
import { hostName, instanceOf, task } from './task.js';

const PruneIntent = z.strictObject({
  containers: z.array(z.string()),
  images: z.array(z.string()),
  volumes: z.array(z.string()),
});

/** Removes containers, images and log lines that no rollback needs. */
export const releasePrune = task({
  name: 'release.prune',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Removes containers, images and log lines of releases that are no longer kept.',
  input: z.strictObject({ rollout: Rollout }),
  intent: PruneIntent,
  receipt: z.strictObject({ removed: z.int() }),
  defaults: { rollout: '{{ rollout }}' },
  title: (_, { service }) => `remove old releases of ${service?.name}`,
  check(facts, { rollout }, subject) {
    const { service, host } = instanceOf(facts, subject);
    const intent = prunable(facts, host, subject, service, rollout);
    const names = [...intent.containers, ...intent.images, ...intent.volumes];
    if (names.length === 0) return { kind: 'done', because: 'nothing to remove', receipt: { removed: 0 } };
    return {
      kind: 'todo',
      changes: names.map((name) => ({ host: host.host, text: `remove ${name}` })),
      intent,
      expect: { removed: names.length },
      predict: withHost(host.host, (known) => ({
        ...known,
        containers: known.containers.filter(({ name }) => !intent.containers.includes(name)),
        images: known.images.filter(
          ({ digests }) => !digests.some((digest) => intent.images.includes(digest)),
        ),
      })),
    };
  },
  explain({ containers, images, volumes }, subject) {
    const remove = (kind: string, names: readonly string[], ...verb: readonly string[]) =>
      names.length === 0 ? [] : [dockerOn(hostName(subject), `remove old ${kind}`, ...verb, ...names)];
    return [
      ...remove('containers', containers, 'rm', '--force'),
      ...remove('images', images, 'rmi'),
      ...remove('release log lines', volumes, 'volume', 'rm'),
    ];
  },
  async apply({ ports, subject, warn }, { containers, images, volumes }) {
    const host = hostName(subject);
    const { engine } = ports.host(host);
    await Promise.all(containers.map((name) => engine.remove(name)));
    const kept = await removeUnused(engine, { images, volumes });
    const warning = keptWarning({ [host]: kept });
    if (warning !== undefined) warn(warning);
    return { removed: containers.length + images.length + volumes.length - kept.length };
  },
  undo: { never: 'a rollback creates removed containers again from the release log' },
});

/** Keeps running containers, the current release, rollback targets and the newest releases. */
function prunable(
  facts: Facts,
  host: HostFacts,
  subject: Subject,
  service: Service,
  rollout: Rollout,
): z.infer<typeof PruneIntent> {
  const { run } = subject;
  const log = releaseLog(facts, service.name);
  const kept = [...rollbackHistory(log).slice(-service.keep), ...recent(log, service.keep), rollout.release];
  const keptContainers = kept.map((release) => containerOf(host, run, service.name, release)?.name);
  const old = [
    ...containersOf(host, run, service.name),
    ...commandContainers(host, run, service.name),
    ...failedContainers(host, run, service.name),
  ].filter(
    (container) => !isUp(container) && isOurs(container, run) && !keptContainers.includes(container.name),
  );
  const removed = new Set(old.map(({ name }) => name));
  const used = new Set([
    ...kept.map((release) => familiarName(release.spec.image)),
    ...host.containers.filter(({ name }) => !removed.has(name)).map(({ image }) => familiarName(image)),
  ]);
  const repositories = new Set(log.map((line) => familiarName(line.release.spec.image).split('@')[0]));
  const images = host.images
    .filter(({ id, digests, tags }) => ![id, ...digests, ...tags].some((name) => used.has(name)))
    .flatMap(({ digests }) => digests)
    .filter(
      (digest) =>
        repositories.has(digest.split('@')[0]) &&
        (wasDeployed(log, digest) || old.some(({ image }) => familiarName(image) === digest)),
    );
  const lines = (host.log[service.name] ?? []).slice(0, -maxLogLines);
  return {
    containers: [...removed],
    images,
    volumes: lines.map((line) => lineVolume(host, run, service.name, line.order)),
  };
}

function recent(log: readonly Activation[], count: number): readonly Release[] {
  const newest = [...log].reverse().map((line) => line.release);
  return newest
    .filter((release, index) => newest.findIndex(({ number }) => number === release.number) === index)
    .slice(0, count);
}

function commandContainers(host: HostFacts, id: EnvironmentId, service: string): readonly ContainerFacts[] {
  return host.containers.filter(
    (container) =>
      isOurs(container, id) &&
      container.labels[label.service] === service &&
      (container.labels[label.role] === 'command' || isAbandonedExec(container)),
  );
}

/** An `exec` container whose client died before removing it. One that is `created` may still start. */
function isAbandonedExec({ labels, state }: ContainerFacts): boolean {
  return labels[label.role] === 'exec' && state === 'exited';
}

function wasDeployed(log: readonly Activation[], digest: string): boolean {
  return log.some((line) => familiarName(line.release.spec.image) === digest);
}

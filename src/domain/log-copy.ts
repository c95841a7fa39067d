import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { containerSpec, containersOf } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts } from './facts.js';
import { given } from './given.js';
import { parseJson } from './json.js';
import { label, releaseOf } from './labels.js';
import { releaseLog, rollbackHistory } from './log.js';
import { Activation, needsOf, type Release } from './release.js';
import { activationsOf, type Rollout, serves } from './rollout.js';
import type { Service } from './service.js';
import type { RunInfo } from './task.js';

/** Enough for the usual rollbacks; every container carries them. */
const maxLines = 5;
/** Bytes; a hostile label could expand without limit. */
const maxSize = 1_000_000;

/** Returns the last lines of the release log, and those that this rollout adds. */
export function lastLines(
  facts: Facts,
  service: Service,
  rollout: Rollout,
  run: RunInfo,
  canary: boolean,
): Activation[] {
  const log = releaseLog(facts, service.name);
  const releases = new Set(rollbackHistory(log).map(({ number }) => number));
  const past = log.filter(
    ({ order, release }) =>
      releases.has(release.number) &&
      !log.some((later) => later.order > order && later.release.number === release.number),
  );
  return [...past.slice(1 - maxLines), ...activationsOf(rollout, run, canary)];
}

/**
 * Returns the value of a container's log label: the lines, compressed. `docker system prune --volumes` can remove the log,
 * but not a running container.
 */
export function logCopy(lines: readonly Activation[]): string {
  return deflateRawSync(JSON.stringify(lines)).toString('base64url');
}

/**
 * Rebuilds the logs of services that have containers but no log line on any host, from the labels of their containers.
 * Returns no entry for other services.
 */
export function restoreLogs(
  facts: Facts,
  id: EnvironmentId,
  services: readonly Service[],
): Readonly<Record<string, readonly Activation[]>> {
  const hosts = Object.values(facts.hosts);
  return Object.fromEntries(
    services.flatMap((service) => {
      if (hosts.some((host) => (host.log[service.name] ?? []).length > 0)) return [];
      const containers = hosts.flatMap((host) => containersOf(host, id, service.name));
      const lines = restoreLog(containers, service);
      return lines.length === 0 ? [] : [[service.name, lines] as const];
    }),
  );
}

function restoreLog(containers: readonly ContainerFacts[], service: Service): readonly Activation[] {
  const byOrder = new Map<number, Activation>();
  for (const container of containers) {
    // A dead run may have left containers of releases that were never activated.
    const isActive = serves(container);
    for (const line of copiedLines(container))
      if (isActive || line.run !== container.labels[label.run]) byOrder.set(line.order, line);
  }
  const lines = [...byOrder.values()].sort((a, b) => a.order - b.order);
  const running = newest(containers.filter(serves));
  const last = lines.at(-1);
  if (running === undefined || last?.release.number === releaseOf(running)) return lines;
  const isCurrentUp = containers.some((one) => serves(one) && releaseOf(one) === last?.release.number);
  return isCurrentUp ? lines : [...lines, lineOf(running, lines, service)];
}

const newest = (containers: readonly ContainerFacts[]) =>
  [...containers].sort((a, b) => (releaseOf(a) ?? 0) - (releaseOf(b) ?? 0)).at(-1);

/** Returns a line for a running container that no line mentions: it was rolled back to, or has no copy of the log. */
function lineOf(container: ContainerFacts, lines: readonly Activation[], service: Service): Activation {
  const { labels, image, name, started } = container;
  const number = releaseOf(container) ?? 0;
  const known = lines.find(({ release }) => release.number === number)?.release;
  const spec = containerSpec(service, image);
  const release: Release = known ?? {
    number,
    reference: labels[label.reference] ?? image,
    spec,
    ...needsOf(spec),
    adopted: name,
    ...given({ commit: labels[label.commit] }),
  };
  return {
    order: (lines.at(-1)?.order ?? 0) + 1,
    kind: known === undefined ? 'deploy' : 'rollback',
    release,
    run: labels[label.run] ?? '',
    who: labels[label.who] ?? '',
    at: started ?? '1970-01-01T00:00:00Z',
  };
}

function copiedLines({ labels }: ContainerFacts): readonly Activation[] {
  const text = labels[label.logCopy];
  if (text === undefined) return [];
  try {
    const json = inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: maxSize }).toString();
    return z.array(Activation).parse(parseJson(json));
  } catch {
    return [];
  }
}

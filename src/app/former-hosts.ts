import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EnvironmentId } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import type { Service } from '../domain/service.js';
import { readRun } from '../run/journal.js';
import type { ReadableRun } from './runs.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

/** A host that a run of this machine released a service on, and that the configuration no longer lists. */
export interface FormerHost {
  readonly service: string;
  readonly host: string;
  readonly run: string;
}

/** The parts of a run that say where it released what. */
export type ReleaseRun = Pick<ReadableRun, 'id' | 'run' | 'services' | 'outcome'>;

/** Returns the hosts of each service's last release among these runs, newest first, that are not `known`. */
export function formerHosts(
  runs: readonly ReleaseRun[],
  id: EnvironmentId,
  known: readonly string[],
): readonly FormerHost[] {
  const seen = new Set<string>();
  return runs
    .filter(({ run, outcome }) => isOf(run, id) && outcome?.committed === true)
    .flatMap(({ id: run, services }) => {
      const last = services.filter(({ name }) => !seen.has(name));
      for (const { name } of last) seen.add(name);
      return last.flatMap(({ name, instances }) =>
        instances
          .filter(({ host }) => !known.includes(host))
          .map(({ host }) => ({ service: name, host, run })),
      );
    });
}

const isOf = (run: EnvironmentId, id: EnvironmentId) =>
  run.project === id.project && run.environment === id.environment;

/**
 * Returns the former hosts of the singletons among the services, by service, without the `ignored` ones. Reads the latest journals of
 * this machine; a machine without journals knows of none.
 */
export async function formerSingletonHosts(
  { project, environment, id }: Session,
  services: readonly Service[],
  ignored: readonly string[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const singletons = services.filter(({ singleton }) => singleton).map(({ name }) => name);
  if (singletons.length === 0) return {};
  const known = [...environment.hosts.map(({ name }) => name), ...ignored];
  const found = formerHosts(await latestRuns(runsDir(project)), id, known);
  const hostsOf = (name: string) => found.filter(({ service }) => service === name).map(({ host }) => host);
  return Object.fromEntries(singletons.map((name) => [name, hostsOf(name)]));
}

/** Bounds the time that a deploy spends on journals. */
const maxRuns = 20;

async function latestRuns(dir: string): Promise<readonly ReleaseRun[]> {
  const names = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.jsonl'));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(dir, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
      return { path, mtimeMs };
    }),
  );
  const latest = files.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(0, maxRuns);
  const runs = (await Promise.all(latest.map(({ path }) => releaseRun(path)))).flat();
  return runs.sort((a, b) => b.run.started.localeCompare(a.run.started));
}

/** Empty for a journal that cannot be read: `status` reports it. */
async function releaseRun(path: string): Promise<readonly ReleaseRun[]> {
  try {
    const { plan, outcome } = (await readRun(path)).progress;
    const { run, services } = plan;
    return [{ id: basename(path, '.jsonl'), run, services, ...(outcome === undefined ? {} : { outcome }) }];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

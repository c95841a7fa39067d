import { join } from 'node:path';
import type { Project } from '../config/load.js';
import { listRuns, type RunSummary } from '../run/journal.js';
import type { Listener } from './listener.js';

/** The folder where the journals of a project's runs are. */
export function runsDir(project: Pick<Project, 'folder'>): string {
  return join(project.folder, '.oneclick', 'runs');
}

/** A run that its journal tells of. */
export type ReadableRun = Exclude<RunSummary, { readonly state: 'unreadable' }>;

/** Gives a reader of all runs that this machine knows, newest first. Of a journal that cannot be read it warns, once. */
export function runReader(
  project: Pick<Project, 'folder'>,
  listener: Pick<Listener, 'warn'>,
): () => Promise<readonly ReadableRun[]> {
  const warned = new Set<string>();
  return async () => {
    const runs = await listRuns(runsDir(project));
    return runs.flatMap((run) => {
      if (run.state !== 'unreadable') return [run];
      if (!warned.has(run.id)) listener.warn(`run ${run.id} is left out: ${run.problem.message}`);
      warned.add(run.id);
      return [];
    });
  };
}

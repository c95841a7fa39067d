import { join } from 'node:path';
import type { Project } from '../config/load.js';
import { listRuns, type RunSummary } from '../run/journal.js';
import type { Listener } from './listener.js';

/** Returns the folder of a project's run journals. */
export function runsDir(project: Pick<Project, 'folder'>): string {
  return join(project.folder, '.oneclick', 'runs');
}

/** A run with a readable journal. */
export type ReadableRun = Exclude<RunSummary, { readonly state: 'unreadable' }>;

/** Returns a function that reads all runs on this machine, newest first. Warns once of each unreadable journal. */
export function runReader(
  project: Pick<Project, 'folder'>,
  listener: Pick<Listener, 'warn'>,
): () => Promise<readonly ReadableRun[]> {
  const warned = new Set<string>();
  return async () => {
    const runs = await listRuns(runsDir(project));
    return runs.flatMap((run) => {
      if (run.state !== 'unreadable') return [run];
      if (!warned.has(run.id)) listener.warn(`skipping run ${run.id}: ${run.problem.message}`);
      warned.add(run.id);
      return [];
    });
  };
}

import { Failure } from './failure.js';
import type { RunInfo } from './task.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Returns the IDs of the runs that started this process: the nearest one last. */
export function parentRuns({ ONECLICK_RUN_PARENTS = '', ONECLICK_RUN = '' }: Variables): readonly string[] {
  return `${ONECLICK_RUN_PARENTS} ${ONECLICK_RUN}`.split(' ').filter((id) => id !== '');
}

/** Returns the variables for the commands of a run, which is started by a process with `variables`. */
export function runVariables(
  { id, project, environment }: RunInfo,
  variables: Variables,
): Readonly<Record<string, string>> {
  return {
    ONECLICK_RUN: id,
    ONECLICK_RUN_PROJECT: project,
    ONECLICK_RUN_ENVIRONMENT: environment,
    ONECLICK_RUN_PARENTS: parentRuns(variables).join(' '),
  };
}

/** The failure of a command that needs the end of a run that started it. */
export function startedByRun(
  { id, environment }: Pick<RunInfo, 'id' | 'environment'>,
  consequence: string,
  hint: string,
): Failure {
  const message = `this command was started by run ${id}, which holds ${environment}; ${consequence}`;
  return new Failure('lease', 'lease.own', message, { hint });
}

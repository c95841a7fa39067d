import type { Clock } from '../domain/clock.js';

/** A CI whose log folds. */
export type LogGroups = 'github' | 'gitlab';

/** Which CI the environment names, of those whose logs fold. */
export function logGroupsFor(env: Readonly<Record<string, string | undefined>>): LogGroups | undefined {
  if (env.GITHUB_ACTIONS === 'true') return 'github';
  return env.GITLAB_CI === 'true' ? 'gitlab' : undefined;
}

/**
 * The lines that begin and end a fold, each with its newline: GitHub's `::group::`
 * (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands) and GitLab's section markers
 * (https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections).
 */
export function logGroup(folds: LogGroups | undefined, id: string, title: string, clock: Clock) {
  const seconds = () => Math.floor(clock.now().getTime() / 1000);
  const name = id.replace(/[^A-Za-z0-9_.-]/g, '_');
  switch (folds) {
    case 'github':
      return { begin: () => `::group::${title}\n`, end: () => '::endgroup::\n' };
    case 'gitlab':
      return {
        begin: () => `\u001b[0Ksection_start:${seconds()}:${name}[collapsed=true]\r\u001b[0K${title}\n`,
        end: () => `\u001b[0Ksection_end:${seconds()}:${name}\r\u001b[0K\n`,
      };
    case undefined:
      return { begin: () => `${title}\n`, end: () => '' };
  }
}

/** The text without what GitHub's runner would take for a command of the job: a line that begins with `::`, and `##[`. */
export const withoutCommands = (text: string): string =>
  text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');

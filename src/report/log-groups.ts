import type { Clock } from '../domain/clock.js';

/** A CI with collapsible log groups. */
export type FoldingCi = 'github' | 'gitlab';

/** Returns the CI with collapsible log groups that the environment variables name. */
export function foldingCi(env: Readonly<Record<string, string | undefined>>): FoldingCi | undefined {
  if (env.GITHUB_ACTIONS === 'true') return 'github';
  return env.GITLAB_CI === 'true' ? 'gitlab' : undefined;
}

/**
 * Returns the lines that begin and end a log group, each with its newline: GitHub's `::group::`
 * (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands) and GitLab's section markers
 * (https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections).
 */
export function logGroup(ci: FoldingCi | undefined, id: string, title: string, clock: Clock) {
  const seconds = () => Math.floor(clock.now().getTime() / 1000);
  const name = id.replace(/[^A-Za-z0-9_.-]/g, '_');
  switch (ci) {
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

/** Defuses GitHub workflow commands in the text: lines that begin with `::`, and `##[`. */
export const withoutCommands = (text: string): string =>
  text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');

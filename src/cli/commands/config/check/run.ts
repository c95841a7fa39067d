import type { Context } from '../../../../app/context.js';
import { openProject, settingOf } from '../../../../app/session.js';
import { resolveEnvironment } from '../../../../config/load.js';
import { count } from '../../../../domain/measure.js';
import { InvalidText, invalid, type Problem } from '../../../../domain/problem.js';
import { withOutput } from '../../../command-output.js';
import type { ConfigCheckFlags } from './command.js';

/** Checks the selected environment, or all environments of the file. */
export function run(context: Context, _: readonly string[], flags: ConfigCheckFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const project = await openProject(context, flags);
    const own = project.environments.filter(({ origin }) => origin === 'project').map(({ name }) => name);
    const environments = flags.env === undefined ? own : [flags.env];
    const problems: Problem[] = [];
    const warnings = new Set<string>();
    for (const name of environments) {
      try {
        const resolved = await resolveEnvironment(project, name, settingOf(context));
        for (const warning of resolved.warnings) warnings.add(warning);
      } catch (error) {
        if (!(error instanceof InvalidText)) throw error;
        problems.push(...error.problems);
      }
    }
    if (problems.length > 0) throw invalid(problems);
    if (!flags.json) for (const warning of warnings) reporter.warn(warning);
    const { file } = project.source;
    reporter.result(
      { file, services: project.services, environments, warnings: [...warnings] },
      (found, page) =>
        page.style.good(
          `${page.style.sign('good')} ${found.file} is valid: ${count(found.services.length, 'service')}, ${count(found.environments.length, 'environment')}\n`,
        ),
    );
    return 0;
  });
}

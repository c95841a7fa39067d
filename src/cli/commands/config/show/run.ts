import { stringify } from 'yaml';
import type { Context } from '../../../../app/context.js';
import { openProject, settingOf } from '../../../../app/session.js';
import { chooseEnvironment, resolveEnvironment } from '../../../../config/load.js';
import { environmentDocument } from '../../../../config/show.js';
import { fileText } from '../../../../report/text.js';
import { withOutput } from '../../../command-output.js';
import type { ConfigShowFlags } from './command.js';

/** Prints the names of secrets, never their values. */
export function run(context: Context, _: readonly string[], flags: ConfigShowFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const project = await openProject(context, flags);
    const { name } = chooseEnvironment(project, { ...flags.environment, flag: flags.env });
    const resolved = await resolveEnvironment(project, name, settingOf(context));
    if (!flags.json) for (const warning of resolved.warnings) reporter.warn(warning);
    const document = environmentDocument(resolved.environment);
    const text = stringify(document, { lineWidth: 0, flowCollectionPadding: false });
    reporter.result(document, (_, page) => fileText(text, page));
    return 0;
  });
}

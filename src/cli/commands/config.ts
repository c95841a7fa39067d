import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Context } from '../../app/context.js';
import { openProject, settingOf } from '../../app/session.js';
import { localFiles } from '../../config/files.js';
import { chosenEnvironment, resolveEnvironment } from '../../config/load.js';
import { environmentDocument } from '../../config/show.js';
import { Failure } from '../../domain/failure.js';
import { count } from '../../domain/measure.js';
import { InvalidText, invalid, type Problem } from '../../domain/problem.js';
import { fileText } from '../../report/text.js';
import { type CommandOutput, withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';

type ConfigFlags = Globals & { readonly env?: string };

/** `oneclick config check`: every problem of every environment of the file, or of the one that is named. */
export function check(context: Context, _: readonly string[], flags: ConfigFlags): Promise<number> {
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
          `${page.style.sign('good')} ${found.file} is fine: ${count(found.services.length, 'service')}, ${count(found.environments.length, 'environment')}\n`,
        ),
    );
    return 0;
  });
}

/** `oneclick config show`: an environment as it is deployed, secrets by their names. */
export function show(context: Context, _: readonly string[], flags: ConfigFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const project = await openProject(context, flags);
    const { name } = chosenEnvironment(project, { ...flags.environment, flag: flags.env });
    const resolved = await resolveEnvironment(project, name, settingOf(context));
    if (!flags.json) for (const warning of resolved.warnings) reporter.warn(warning);
    const document = environmentDocument(resolved.environment);
    const text = stringify(document, { lineWidth: 0, flowCollectionPadding: false });
    reporter.result(document, (_, page) => fileText(text, page));
    return 0;
  });
}

/** `oneclick config schema`: the JSON Schema that ships with the package. */
export function schema(context: Context, _: readonly string[], flags: Globals): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const text = await shipped(context, 'oneclick.schema.json');
    return print(out, text, { jsonSchema: JSON.parse(text) as unknown });
  });
}

/** `oneclick config docs`: every key of `oneclick.yml`, each with what it means. */
export function docs(context: Context, _: readonly string[], flags: Globals): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const text = await shipped(context, 'reference.yml');
    return print(out, text, { text });
  });
}

async function shipped({ packageDir }: Context, name: string): Promise<string> {
  const path = join(packageDir, 'schema', name);
  const text = await localFiles.read(path);
  if (text === undefined)
    throw new Failure('failed', 'package.incomplete', `${path} is not there: install oneclick again`);
  return text;
}

function print({ reporter }: CommandOutput, text: string, document: object): number {
  reporter.result(document, (_, page) => fileText(text, page));
  return 0;
}

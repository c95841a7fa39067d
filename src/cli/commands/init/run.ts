import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../../../app/context.js';
import { settingOf } from '../../../app/session.js';
import { localFiles, shortPath } from '../../../config/files.js';
import { loadProject } from '../../../config/load.js';
import { ParseError, parseSshAddress } from '../../../config/parsers.js';
import { Failure } from '../../../domain/failure.js';
import { parseImage } from '../../../domain/image.js';
import { InvalidText } from '../../../domain/problem.js';
import { type Draft, inferredValues, type Question } from '../../../init/draft.js';
import { draftOf } from '../../../init/repository.js';
import { type Answers, draftText, firstEnvironment } from '../../../init/text.js';
import { type DraftDocument, draftPage, skippedLine } from '../../../report/draft.js';
import { fileText } from '../../../report/text.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import type { InitFlags } from './command.js';

/** Never replaces an existing file. */
export function run(context: Context, _: readonly string[], flags: InitFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const path = resolve(context.cwd, flags.file ?? 'oneclick.yml');
    const file = shortPath(path, context.cwd);
    if (!flags.dryRun && (await localFiles.read(path)) !== undefined) throw alreadyThere(file);
    const draft = await draftOf(localFiles, context.cwd, flags.fromCompose);
    const prompts = out.ask.available && out.ask.enabled && !flags.yes && !flags.json && !flags.dryRun;
    const answers = prompts ? await answersTo(draft.questions, out) : {};
    const text = draftText(draft, answers);
    if (!flags.dryRun) await write(path, file, text);
    const document = await documentOf(context, draft, answers, { file, text, written: !flags.dryRun });
    if (flags.dryRun && !flags.json) for (const left of document.left) out.reporter.warn(skippedLine(left));
    out.reporter.result(document, (shown, page) =>
      flags.dryRun ? fileText(text, page) : draftPage(shown, page),
    );
    return 0;
  });
}

async function write(path: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    const code =
      typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown';
    if (code === 'EEXIST') throw alreadyThere(file);
    throw new Failure('usage', 'init.unwritable', `${file} cannot be written (${code})`, { cause });
  }
}

function alreadyThere(file: string): Failure {
  return new Failure('usage', 'init.exists', `${file} already exists`, {
    hint: 'print a new one with oneclick init --dry-run',
  });
}

async function documentOf(
  context: Context,
  draft: Draft,
  answers: Answers,
  written: Pick<DraftDocument, 'file' | 'text' | 'written'>,
): Promise<DraftDocument> {
  return {
    ...written,
    project: String(draft.project.value),
    services: [...draft.services.keys()],
    guesses: inferredValues(draft),
    left: draft.skipped,
    open: draft.questions.filter((question) => answers[question] === undefined),
    environment: firstEnvironment,
    problems: await problemsOf(context, written.file, written.text),
  };
}

/** The problems in the draft; there are some when its sources cannot be deployed as they are. */
async function problemsOf(context: Context, file: string, text: string): Promise<readonly string[]> {
  const path = resolve(context.cwd, file);
  const files = { ...localFiles, read: async (name: string) => (name === path ? text : undefined) };
  try {
    await loadProject({ ...settingOf(context), files }, path);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidText)) throw error;
    return error.problems.map(({ line, message }) => `${file}:${line}: ${message}`);
  }
}

const questions: Readonly<Record<Question, { readonly prompt: string; read(text: string): unknown }>> = {
  image: { prompt: 'Which image do you want to deploy? (such as ghcr.io/acme/shop:v1)', read: parseImage },
  registry: {
    prompt: 'Which registry do you push images to? (such as ghcr.io/acme)',
    read: (text) => parseImage(`${text}/image`),
  },
  hosts: {
    prompt: `Which servers belong to ${firstEnvironment}? (addresses separated by spaces)`,
    read: (text) => text.split(/[\s,]+/).map(parseSshAddress),
  },
};

/** Prompts for each; an empty answer leaves a placeholder. */
async function answersTo(open: readonly Question[], { ask, reporter }: CommandOutput): Promise<Answers> {
  const answers: Record<string, string | readonly string[]> = {};
  for (const question of open) {
    const { prompt, read } = questions[question];
    for (
      let text = await ask.readLine(`${prompt} [later] `);
      text?.trim();
      text = await ask.readLine(`${prompt} [later] `)
    ) {
      const answer = text.trim();
      const problem = problemOf(() => read(answer));
      if (problem === undefined) {
        answers[question] = question === 'hosts' ? answer.split(/[\s,]+/) : answer;
        break;
      }
      reporter.warn(problem);
    }
  }
  return answers;
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ParseError || error instanceof Failure) return error.message;
    throw error;
  }
}

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
import { type Draft, guessesOf, type Question } from '../../../init/draft.js';
import { draftOf } from '../../../init/repository.js';
import { type Answers, draftText, firstEnvironment } from '../../../init/text.js';
import { type DraftDocument, draftPage, leftLine } from '../../../report/draft.js';
import { fileText } from '../../../report/text.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import type { InitFlags } from './command.js';

/** `oneclick init`: writes a first `oneclick.yml`, and says what was guessed and what was left. Never replaces one. */
export function run(context: Context, _: readonly string[], flags: InitFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const path = resolve(context.cwd, flags.file ?? 'oneclick.yml');
    const file = shortPath(path, context.cwd);
    if (!flags.dryRun && (await localFiles.read(path)) !== undefined) throw alreadyThere(file);
    const draft = await draftOf(localFiles, context.cwd, flags.fromCompose);
    const asks = out.ask.possible && out.ask.welcome && !flags.yes && !flags.json && !flags.dryRun;
    const answers = asks ? await answersTo(draft.open, out) : {};
    const text = draftText(draft, answers);
    if (!flags.dryRun) await write(path, file, text);
    const document = await documentOf(context, draft, answers, { file, text, written: !flags.dryRun });
    if (flags.dryRun && !flags.json) for (const left of document.left) out.reporter.warn(leftLine(left));
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
  return new Failure('usage', 'init.exists', `there is a ${file} already, and it is left as it is`, {
    hint: 'see what init would write: oneclick init --dry-run',
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
    guesses: guessesOf(draft),
    left: draft.left,
    open: draft.open.filter((question) => answers[question] === undefined),
    environment: firstEnvironment,
    problems: await problemsOf(context, written.file, written.text),
  };
}

/** What the draft's reader will say: nothing, unless what it was made from cannot be deployed as it is. */
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
  image: { prompt: 'Which image is deployed? (such as ghcr.io/acme/shop:v1)', read: parseImage },
  registry: {
    prompt: 'Where are the images that are built here? (such as ghcr.io/acme)',
    read: (text) => parseImage(`${text}/image`),
  },
  hosts: {
    prompt: `Which servers are ${firstEnvironment}? (addresses, with blanks between)`,
    read: (text) => text.split(/[\s,]+/).map(parseSshAddress),
  },
};

/** Asks for each; an empty answer leaves a place to fill in. */
async function answersTo(open: readonly Question[], { ask, reporter }: CommandOutput): Promise<Answers> {
  const answers: Record<string, string | readonly string[]> = {};
  for (const question of open) {
    const { prompt, read } = questions[question];
    for (
      let text = await ask.line(`${prompt} [later] `);
      text?.trim();
      text = await ask.line(`${prompt} [later] `)
    ) {
      const answer = text.trim();
      const wrong = refusal(() => read(answer));
      if (wrong === undefined) {
        answers[question] = question === 'hosts' ? answer.split(/[\s,]+/) : answer;
        break;
      }
      reporter.warn(wrong);
    }
  }
  return answers;
}

function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ParseError || error instanceof Failure) return error.message;
    throw error;
  }
}

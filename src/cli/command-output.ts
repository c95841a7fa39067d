import type { Context } from '../app/context.js';
import { exitCode, type Failure, failureRecord } from '../domain/failure.js';
import { withHints } from '../report/hints.js';
import { openReporter } from '../report/open-reporter.js';
import { type Output, processOutput } from '../report/output.js';
import { confirm, type Prompter, terminalPrompter } from '../report/prompter.js';
import type { Reporter } from '../report/reporter.js';
import type { Globals } from './global-flags.js';

/** The output of a command, and its prompts. */
export interface CommandOutput {
  readonly reporter: Reporter;
  /** For the output of other programs, and for streams of lines. */
  readonly output: Output;
  readonly ask: Prompter;
}

/** Variables that force color on or off; otherwise the user's own apply. */
const colorVariables: Readonly<Record<string, Context['env']>> = {
  true: { NO_COLOR: '', FORCE_COLOR: '1' },
  false: { NO_COLOR: '1' },
};

/** Opens the output of this process for `act`, and closes it afterwards. */
export async function withOutput<T>(
  context: Context,
  flags: Globals,
  act: (out: CommandOutput) => Promise<T>,
): Promise<T> {
  const env = { ...context.env, ...colorVariables[String(flags.color)] };
  const stdio = { stdout: process.stdout, stderr: process.stderr, env };
  const output = processOutput(
    { ...stdio, once: process.once.bind(process), removeListener: process.removeListener.bind(process) },
    context.redaction.redact,
    context.clearStartupLine,
  );
  const mode = flags.json ? 'json' : flags.plain ? 'plain' : 'auto';
  const opened = await openReporter({ output, clock: context.clock, mode, detail: flags.detail, env });
  const reporter = withHints(opened, flags.projectFile);
  try {
    return await act({ reporter, output, ask: terminalPrompter(process.stdin, output, flags.input) });
  } finally {
    reporter.close();
  }
}

/** Prompts only on a terminal, never in scripts. */
export function confirmOption(
  { ask }: CommandOutput,
  flags: { readonly yes: boolean; readonly json: boolean },
): { readonly confirm?: (question: string) => Promise<boolean> } {
  if (flags.yes || flags.json || !ask.available) return {};
  return { confirm: (question) => confirm(question, ask) };
}

/** Prints the problems that kept a command from changing anything; returns the exit code. */
export function reportProblems(reporter: Reporter, problems: readonly Failure[]): number {
  reporter.problems(problems.map(failureRecord));
  return exitCode(problems.map(({ kind }) => kind));
}

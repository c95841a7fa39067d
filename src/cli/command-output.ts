import type { Context } from '../app/context.js';
import { exitCode, type Failure, failureRecord } from '../domain/failure.js';
import { type Ask, confirm, terminalAsk } from '../report/ask.js';
import { openReporter } from '../report/open-reporter.js';
import { type Output, processOutput } from '../report/output.js';
import type { Reporter } from '../report/reporter.js';
import type { Globals } from './global-flags.js';

/** A command's voice: what it says, and whom it may ask. */
export interface CommandOutput {
  readonly reporter: Reporter;
  /** For what is no report: the output of other programs, and lines that go on for ever. */
  readonly output: Output;
  readonly ask: Ask;
}

/** What a decision about colour is to the output; without one it goes by the variables and by itself. */
const colourVariables: Readonly<Record<string, Context['env']>> = {
  true: { NO_COLOR: '', FORCE_COLOR: '1' },
  false: { NO_COLOR: '1' },
};

/** Opens the output of this process, lends it to `act`, and closes it whatever happens. */
export async function withOutput<T>(
  context: Context,
  flags: Globals,
  act: (out: CommandOutput) => Promise<T>,
): Promise<T> {
  const env = { ...context.env, ...colourVariables[String(flags.color)] };
  const stdio = { stdout: process.stdout, stderr: process.stderr, env };
  const output = processOutput(
    { ...stdio, once: process.once.bind(process), removeListener: process.removeListener.bind(process) },
    context.redaction.redact,
    context.clearStartupLine,
  );
  const mode = flags.json ? 'json' : flags.plain ? 'plain' : 'auto';
  const reporter = await openReporter({ output, clock: context.clock, mode, detail: flags.detail, env });
  try {
    return await act({ reporter, output, ask: terminalAsk(process.stdin, output, flags.input) });
  } finally {
    reporter.close();
  }
}

/** Asks on a terminal; without one nobody is asked, for who wrote the command into a script has said yes. */
export function confirmOption(
  { ask }: CommandOutput,
  flags: { readonly yes: boolean; readonly json: boolean },
): { readonly confirm?: (question: string) => Promise<boolean> } {
  if (flags.yes || flags.json || !ask.possible) return {};
  return { confirm: (question) => confirm(question, ask) };
}

/** Every problem of every host at once, where nothing was changed; gives the exit code. */
export function reportProblems(reporter: Reporter, problems: readonly Failure[]): number {
  reporter.problems(problems.map(failureRecord));
  return exitCode(problems.map(({ kind }) => kind));
}

import { exitCode, type Failure, failureRecord } from '../domain/failure.js';
import { type Ask, confirm, terminalAsk } from '../report/ask.js';
import { type Output, processOutput } from '../report/output.js';
import { openReporter, type Reporter } from '../report/reporter.js';
import type { Edge } from './edge.js';
import type { Globals } from './grammar/flags.js';

/** A command's voice: what it says, and whom it may ask. */
export interface Voice {
  readonly reporter: Reporter;
  /** For what is no report: the output of other programs, and lines that go on for ever. */
  readonly output: Output;
  readonly ask: Ask;
}

/** What a decision about colour is to the output; without one it goes by the variables and by itself. */
const colourVariables: Readonly<Record<string, Edge['env']>> = {
  true: { NO_COLOR: '', FORCE_COLOR: '1' },
  false: { NO_COLOR: '1' },
};

/** Opens the output of this process, lends it to `act`, and closes it whatever happens. */
export async function speaking<T>(edge: Edge, flags: Globals, act: (voice: Voice) => Promise<T>): Promise<T> {
  const env = { ...edge.env, ...colourVariables[String(flags.color)] };
  const stdio = { stdout: process.stdout, stderr: process.stderr, env };
  const output = processOutput(
    { ...stdio, once: process.once.bind(process), removeListener: process.removeListener.bind(process) },
    edge.redaction.redact,
    edge.unveil,
  );
  const mode = flags.json ? 'json' : flags.plain ? 'plain' : 'auto';
  const reporter = await openReporter({ output, clock: edge.clock, mode, detail: flags.detail, env });
  try {
    return await act({ reporter, output, ask: terminalAsk(process.stdin, output, flags.input) });
  } finally {
    reporter.close();
  }
}

/**
 * Says that something is under way, until what it gives back is called; for commands whose output is another's. In lines it is
 * said only once it takes long.
 */
export function busyOnTerminal({ reporter, output }: Voice, text: string): () => void {
  return reporter.busy(text, { late: !output.interactive });
}

/** Asks on a terminal; without one nobody is asked, for who wrote the command into a script has said yes. */
export function assent(
  { ask }: Voice,
  flags: { readonly yes: boolean; readonly json: boolean },
): { readonly confirm?: (question: string) => Promise<boolean> } {
  if (flags.yes || flags.json || !ask.possible) return {};
  return { confirm: (question) => confirm(question, ask) };
}

/** Every problem of every host at once, where nothing was changed; gives the exit code. */
export function refuse(reporter: Reporter, problems: readonly Failure[]): number {
  reporter.problems(problems.map(failureRecord));
  return exitCode(problems.map(({ kind }) => kind));
}

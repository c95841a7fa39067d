import { createInterface } from 'node:readline/promises';
import { Failure } from '../domain/failure.js';
import type { Output } from './output.js';

/** Asks questions. */
export interface Prompter {
  /** Whether stdin and stderr are terminals. */
  readonly available: boolean;
  /** False with `--no-input`. */
  readonly enabled: boolean;
  /** Prints `prompt` and returns the line typed, or undefined at the end of the input. */
  readLine(prompt: string): Promise<string | undefined>;
}

/** Returns a prompter for this terminal. The terminal edits the line, so that Ctrl-C stays a signal. */
export function terminalPrompter(
  stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  output: Output,
  enabled: boolean,
): Prompter {
  return {
    available: stdin.isTTY === true && output.attended,
    enabled,
    readLine: async (prompt) => {
      output.stderr.write(prompt);
      const reader = createInterface({ input: stdin, terminal: false });
      try {
        for await (const line of reader) return line;
        output.stderr.write('\n');
        return undefined;
      } finally {
        reader.close();
      }
    },
  };
}

/** Returns whether the answer is `y` or `yes`. Throws a usage {@link Failure} that suggests `flag` if it cannot ask. */
export async function confirm(question: string, prompter: Prompter, flag = '--yes'): Promise<boolean> {
  if (!prompter.available || !prompter.enabled) {
    const reason = prompter.available ? '--no-input is set' : 'there is no terminal';
    throw new Failure('usage', 'confirm.terminal', `cannot ask "${question}": ${reason}`, {
      hint: `add ${flag}`,
    });
  }
  const answer = await prompter.readLine(`${question} [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

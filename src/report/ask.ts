import { createInterface } from 'node:readline/promises';
import { Failure } from '../domain/failure.js';
import type { Output } from './output.js';

/** Where answers come from. */
export interface Ask {
  /** Whether a person can be asked: stdin and stderr are terminals. */
  readonly possible: boolean;
  /** The line that was typed after `prompt`, or undefined when the input ended. */
  line(prompt: string): Promise<string | undefined>;
}

/** Asks on this terminal. The line is edited by the terminal itself, so that Ctrl-C stays a signal. */
export function terminalAsk(
  stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  output: Output,
): Ask {
  return {
    possible: stdin.isTTY === true && output.interactive,
    line: async (prompt) => {
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

/**
 * Whether the person says yes; everything but `y` and `yes` is no. Throws a failure of kind `usage` that names the
 * flag to give instead when nobody can be asked.
 */
export async function confirm(question: string, ask: Ask, flag = '--yes'): Promise<boolean> {
  if (!ask.possible) {
    throw new Failure(
      'usage',
      'confirm.terminal',
      `"${question}" needs an answer, and there is no terminal to ask on`,
      {
        hint: `add ${flag}`,
      },
    );
  }
  const answer = await ask.line(`${question} [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

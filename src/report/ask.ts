import { createInterface } from 'node:readline/promises';
import { Failure } from '../domain/failure.js';
import type { Output } from './output.js';

/** Where answers come from. */
export interface Ask {
  /** Whether there is a person: stdin and stderr are terminals. */
  readonly possible: boolean;
  /** Whether they have not said that they do not want to be asked. */
  readonly welcome: boolean;
  /** The line that was typed after `prompt`, or undefined when the input ended. */
  line(prompt: string): Promise<string | undefined>;
}

/** Asks on this terminal. The line is edited by the terminal itself, so that Ctrl-C stays a signal. */
export function terminalAsk(
  stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  output: Output,
  welcome: boolean,
): Ask {
  return {
    possible: stdin.isTTY === true && output.attended,
    welcome,
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
 * flag to give instead when nobody can be asked, or wants to be.
 */
export async function confirm(question: string, ask: Ask, flag = '--yes'): Promise<boolean> {
  if (!ask.possible || !ask.welcome) {
    const why = ask.possible ? 'nobody may be asked (--no-input)' : 'there is no terminal to ask on';
    throw new Failure('usage', 'confirm.terminal', `"${question}" needs an answer, and ${why}`, {
      hint: `add ${flag}`,
    });
  }
  const answer = await ask.line(`${question} [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

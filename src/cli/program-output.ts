import type { ProgramOutput } from '../app/build/build-images.js';
import type { Context } from '../app/context.js';
import { foldingCi, logGroup } from '../report/log-groups.js';
import { printable } from '../report/text.js';
import type { CommandOutput } from './command-output.js';
import type { Globals } from './global-flags.js';

/** Shows the output of another program on the terminal, or line by line in groups that CI can fold. */
export function programOutput(
  { output, reporter }: CommandOutput,
  { json, plain, detail }: Globals,
  { env, clock }: Context,
): ProgramOutput {
  const safe = (line: string) => output.redact(printable(output.redact(line)));
  // With --json, only the document goes to stdout.
  const print = (line: string) => (json ? output.stderr.write(`${line}\n`) : reporter.note(line));
  return {
    canUseTerminal: output.interactive && detail !== 'quiet' && !plain && !json,
    safe,
    group: (title) => {
      const { begin, end } = logGroup(json ? undefined : foldingCi(env), title, title, clock);
      output.stderr.write(begin());
      return {
        line: (text) => print(json ? safe(text) : safe(`  ${text}`)),
        end: () => output.stderr.write(end()),
      };
    },
  };
}

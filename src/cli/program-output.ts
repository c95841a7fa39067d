import type { ProgramOutput } from '../app/build/build-images.js';
import type { Context } from '../app/context.js';
import { foldingCi, logGroup } from '../report/log-groups.js';
import { printable } from '../report/text.js';
import type { CommandOutput } from './command-output.js';
import type { Globals } from './global-flags.js';

/** Shows the output of another program: as it draws on a terminal, else line by line, in groups that the CI can fold. */
export function programOutput(
  { output, reporter }: CommandOutput,
  { json, plain, detail }: Globals,
  { env, clock }: Context,
): ProgramOutput {
  const safe = (line: string) => output.redact(printable(output.redact(line)));
  // With --json, stdout is kept for the document.
  const say = (line: string) => (json ? output.stderr.write(`${line}\n`) : reporter.note(line));
  return {
    draws: output.interactive && detail !== 'quiet' && !plain && !json,
    safe,
    begin: (title) => {
      const { begin, end } = logGroup(json ? undefined : foldingCi(env), title, title, clock);
      output.stderr.write(begin());
      return {
        line: (text) => say(json ? safe(text) : safe(`  ${text}`)),
        end: () => output.stderr.write(end()),
      };
    },
  };
}

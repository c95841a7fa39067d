import type { ProgramOutput } from '../app/build/build-images.js';
import type { Context } from '../app/context.js';
import { logGroup, logGroupsFor } from '../report/log-groups.js';
import { printable } from '../report/text.js';
import type { CommandOutput } from './command-output.js';
import type { Globals } from './global-flags.js';

/** Shows another program at work: on a terminal as it draws, elsewhere line by line, grouped where the CI groups. */
export function programOutput(
  { output, reporter }: CommandOutput,
  { json, plain, detail }: Globals,
  { env, clock }: Context,
): ProgramOutput {
  const safe = (line: string) => output.redact(printable(output.redact(line)));
  // Where stdout is JSON, stderr is for people.
  const say = (line: string) => (json ? output.stderr.write(`${line}\n`) : reporter.note(line));
  return {
    draws: output.interactive && detail !== 'quiet' && !plain && !json,
    safe,
    begin: (title) => {
      const { begin, end } = logGroup(json ? undefined : logGroupsFor(env), title, title, clock);
      output.stderr.write(begin());
      return {
        line: (text) => say(json ? safe(text) : safe(`  ${text}`)),
        end: () => output.stderr.write(end()),
      };
    },
  };
}

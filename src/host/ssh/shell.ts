import { quote } from '../../domain/shell.js';
import type { Command } from '../host.js';

/** Written to both outputs right before the command's own: what a login shell says comes before it. */
const marker = '\u0001oneclick\u0001\n';

/** What is sent to a host for a command. */
export interface ShellLine {
  /** For the login shell, whichever it is: no part of the command is in it. */
  readonly line: string;
  /** For its standard input: the command itself, then the command's own input. */
  readonly input: string;
}

/**
 * Turns a command into a line that every login shell (sh, csh, fish) reads alike. The words, the environment and the
 * input follow on standard input, so that none of them shows in a process list.
 */
export function shellLine({
  argv,
  env = {},
  stdin = '',
}: Pick<Command, 'argv' | 'env' | 'stdin'>): ShellLine {
  const exports = Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a name of a variable: ${name}`);
    return `export ${name}=${quote(value)}\n`;
  });
  const mark = `printf '\\001oneclick\\001\\n'\nprintf '\\001oneclick\\001\\n' >&2\n`;
  const script = `${exports.join('')}${mark}exec ${argv.map(quote).join(' ')}`;
  return { line: `exec sh -c 'eval "$(head -c ${Buffer.byteLength(script)})"'`, input: script + stdin };
}

/** What the command itself wrote; undefined when it never began to run. */
export function afterMarker(output: string): string | undefined {
  const start = output.indexOf(marker);
  return start < 0 ? undefined : output.slice(start + marker.length);
}

import { quote } from '../../domain/shell.js';
import type { Command } from '../host.js';

/** Printed to both outputs before the command starts, to skip the login shell's output. */
const marker = '\u0001oneclick\u0001\n';

/** A command in the form that is sent to a host. */
export interface ShellLine {
  /** For the login shell; contains no part of the command. */
  readonly line: string;
  /** For its standard input: the command, then the command's own input. */
  readonly input: string;
}

/**
 * Converts a command to a line that works in every login shell (sh, csh, fish). Arguments, environment and input are sent
 * on standard input, so that they do not appear in a process list. Throws a TypeError for an invalid variable name.
 */
export function shellLine({
  argv,
  env = {},
  stdin = '',
}: Pick<Command, 'argv' | 'env' | 'stdin'>): ShellLine {
  const exports = Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a variable name: ${name}`);
    return `export ${name}=${quote(value)}\n`;
  });
  const mark = `printf '\\001oneclick\\001\\n'\nprintf '\\001oneclick\\001\\n' >&2\n`;
  const script = `${exports.join('')}${mark}exec ${argv.map(quote).join(' ')}`;
  return { line: `exec sh -c 'eval "$(head -c ${Buffer.byteLength(script)})"'`, input: script + stdin };
}

/** Returns the command's own output, or undefined if it never started. */
export function afterMarker(output: string): string | undefined {
  const start = output.indexOf(marker);
  return start < 0 ? undefined : output.slice(start + marker.length);
}

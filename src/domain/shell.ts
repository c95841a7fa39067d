/** Quotes text for a POSIX shell. Throws a TypeError if it contains a NUL character. */
export function quote(text: string): string {
  if (text.includes('\0')) throw new TypeError('a command cannot contain a NUL character');
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const bare = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

// Control characters except newline, and characters that hide or reorder text.
const invisible = /((?:(?!\n)[\p{C}\p{Zl}\p{Zp}])+)/u;

/** Quotes text for a POSIX shell only if needed. Safe to print: control and invisible characters become `printf` escapes. */
export function word(text: string): string {
  if (bare.test(text)) return text;
  if (text === '') return "''";
  return text
    .split(invisible)
    .map((part, index) => (index % 2 === 0 ? part && quote(part) : `"$(printf '${octal(part)}')"`))
    .join('');
}

/** Returns a POSIX shell command line for these arguments. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(word).join(' ');
}

/** Whether the line has no special characters, so that a nested shell needs no quotes around its words. */
export function needsNoQuotes(line: string): boolean {
  return line.split(' ').every((part) => bare.test(part));
}

/** Formats bytes as octal escapes for `printf`. */
export function octal(data: string | Uint8Array): string {
  return [...Buffer.from(data)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

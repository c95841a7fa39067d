/** A POSIX shell's word for exactly this text. */
export function quote(text: string): string {
  if (text.includes('\0')) throw new TypeError('a command cannot contain a NUL character');
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const bare = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

// Control characters but the newline, and the invisible ones, which hide or reorder text.
const invisible = /((?:(?!\n)[\p{C}\p{Zl}\p{Zp}])+)/u;

/**
 * The same as a person would write it, safe to show: without quotes where none are needed, and with what a terminal would
 * act on, or not show, as `printf` writes it.
 */
export function word(text: string): string {
  if (bare.test(text)) return text;
  if (text === '') return "''";
  return text
    .split(invisible)
    .map((part, index) => (index % 2 === 0 ? part && quote(part) : `"$(printf '${octal(part)}')"`))
    .join('');
}

/** A line that makes a POSIX shell run these words, each exactly as it is. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(word).join(' ');
}

/** Whether a shell takes the line for words that stand for themselves, so that it may be said to another shell as it is. */
export function needsNoQuotes(line: string): boolean {
  return line.split(' ').every((part) => bare.test(part));
}

/** Bytes as the format of `printf`. */
export function octal(data: string | Uint8Array): string {
  return [...Buffer.from(data)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

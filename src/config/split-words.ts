import { ParseError } from './parsers.js';

/** Characters that only a shell interprets. */
const shellSyntax = /[|&;<>()$`*?[\n]/;

/**
 * Splits a command into words: spaces separate, `'…'` and `"…"` group, a backslash escapes. Rejects pipes, variables
 * and other shell syntax, because commands run without a shell. Throws a {@link ParseError}.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote !== '') {
      if (char === quote) quote = '';
      else if (char === '\\' && quote === '"' && /["\\$`]/.test(text.charAt(at + 1)))
        word += text.charAt(++at);
      else if (quote === '"' && /[$`]/.test(char)) throw shellSyntaxError(char);
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '\\' && at + 1 < text.length) word = (word ?? '') + text.charAt(++at);
    else if (shellSyntax.test(char) || (word === undefined && /[~#]/.test(char)))
      throw shellSyntaxError(char);
    else word = (word ?? '') + char;
  }
  if (quote !== '') throw new ParseError(`unclosed quote ${quote}`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new ParseError('must not be empty');
  if (/^[A-Za-z_]\w*=/.test(words[0] ?? ''))
    throw new ParseError('a variable before the command requires a shell: set it under env');
  return words;
}

function shellSyntaxError(char: string): ParseError {
  const sign = char === '\n' ? 'a line break' : `"${char}"`;
  return new ParseError(`${sign} requires a shell: quote it, or use ["sh", "-c", "…"]`);
}

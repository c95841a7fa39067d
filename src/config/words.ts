import { ParseError } from './parsers.js';

/** What only a shell gives a meaning to. */
const shellOnly = /[|&;<>()$`*?[\n]/;

/**
 * The words of a command that is written as one string. Blanks separate, `'…'` and `"…"` group, a backslash takes
 * the next character as it is. No shell ever sees it: what would need one (pipes, variables, patterns) is refused
 * with the list that asks for one. Throws a {@link ParseError}.
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
      else if (quote === '"' && /[$`]/.test(char)) throw needsShell(char);
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '\\' && at + 1 < text.length) word = (word ?? '') + text.charAt(++at);
    else if (shellOnly.test(char) || (word === undefined && /[~#]/.test(char))) throw needsShell(char);
    else word = (word ?? '') + char;
  }
  if (quote !== '') throw new ParseError(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new ParseError('the command is empty');
  if (/^[A-Za-z_]\w*=/.test(words[0] ?? ''))
    throw new ParseError('a variable in front of a command needs a shell: put it under env');
  return words;
}

function needsShell(char: string): ParseError {
  const sign = char === '\n' ? 'a line break' : `"${char}"`;
  return new ParseError(
    `${sign} needs a shell: quote it, or write the list ["sh", "-c", "…"] if a shell is meant`,
  );
}

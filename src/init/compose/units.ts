const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Parses a compose duration (`1m30s`, `10s`, `1h`) into ms; undefined if invalid. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)];
  return Math.round(
    parts.reduce((sum, [, number, name]) => sum + Number(number) * unit[name as keyof typeof unit], 0),
  );
}

const powers = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/** Parses a compose size (`512M`, `1gb`, `1073741824`) into bytes; undefined if invalid. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*(?:([bkmg])i?b?)?$/i.exec(text);
  if (match === null) return undefined;
  const power = (match[2] ?? 'b').toLowerCase() as keyof typeof powers;
  return Math.round(Number(match[1]) * powers[power]);
}

/** Splits a command as compose does: at spaces, with quotes and backslash escapes. Undefined for an unclosed quote. */
export function splitCommand(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === quote) quote = '';
    else if (char === '\\' && quote !== "'" && at + 1 < text.length) word = (word ?? '') + text.charAt(++at);
    else if (quote !== '') word += char;
    else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

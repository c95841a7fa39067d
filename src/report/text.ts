import { stripVTControlCharacters } from 'node:util';
import { failureRecord } from '../domain/failure.js';
import type { Page } from './style.js';

/** The longest text from elsewhere that is shown; what is beyond says nothing to a person. */
const longest = 4_000;

// The escapes of ECMA-48: control sequences, control strings up to their end, and the short ones. Node's own
// stripVTControlCharacters takes any text that ends with BEL for a part of an escape, which would let a host hide it.
const esc = '\\u001b';
const escapes = new RegExp(
  [
    `(?:${esc}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    `(?:${esc}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\n\\u0007\\u001b\\u009c]*(?:\\u0007|${esc}\\\\|\\u009c)`,
    `${esc}[ -/]*[0-Z\\\\^-~]`,
  ].join('|'),
  'g',
);

// Control characters but the newline, and the invisible ones, which hide or reorder text.
const unprintable = /(?!\n)[\p{Cc}\p{Cf}]/gu;

/**
 * Text from a host or a file, safe to show: without terminal escapes, control characters and marks that reorder
 * text, at most 4,000 characters. Newlines stay; `\r\n`, `\r` and the Unicode line ends become newlines, tabs a space.
 */
export function printable(text: string): string {
  const stripped = (text.length > 4 * longest ? text.slice(0, 4 * longest) : text)
    .replace(escapes, '')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/\t/g, ' ')
    .replace(unprintable, '');
  return stripped.length > longest ? `${stripped.slice(0, longest)}…` : stripped;
}

/** A value with every text in it, at any depth, mapped by `change`; keys stay, errors become their records. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return change(part);
    if (Array.isArray(part)) return part.map(walk);
    if (part instanceof Error) return walk(failureRecord(part));
    if (part === null || typeof part !== 'object' || part instanceof Date) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as T;
}

/** The text of a file: as it is where a program reads it, on a terminal with each line made {@link printable}. */
export function fileText(text: string, { columns }: Pick<Page, 'columns'>): string {
  return Number.isFinite(columns) ? text.split('\n').map(printable).join('\n') : text;
}

/** Text on one line. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trimEnd();

// Made when a text needs it: most is ASCII, and the first one takes Node 20 ms.
const made: { segmenter?: Intl.Segmenter } = {};

/** The characters as people see them. */
function graphemes(text: string): Iterable<{ readonly segment: string }> {
  made.segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return made.segmenter.segment(text);
}

const nothing = /^[\p{Mark}\p{Cf}]+$/u;
const wide =
  /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}]/u;

const graphemeWidth = (grapheme: string) => (nothing.test(grapheme) ? 0 : wide.test(grapheme) ? 2 : 1);

/** How many columns of a terminal the text takes; escapes take none. */
export function width(text: string): number {
  const plain = text.includes('\u001b') ? stripVTControlCharacters(text) : text;
  // Most text is ASCII, and this is called for every line that is drawn.
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length;
  let sum = 0;
  for (const { segment } of graphemes(plain)) sum += graphemeWidth(segment);
  return sum;
}

/** The text without styles on one line of at most `columns`, ended by `…` where it was cut. */
export function cut(text: string, columns: number): string {
  const line = oneLine(text);
  if (width(line) <= columns) return line;
  let kept = '';
  let room = columns - 1;
  for (const { segment } of graphemes(line)) {
    room -= graphemeWidth(segment);
    if (room < 0) break;
    kept += segment;
  }
  return columns > 0 ? `${kept.trimEnd()}…` : '';
}

/** The text filled up with spaces to `columns`. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, columns - width(text)));
  return align === 'left' ? text + gap : gap + text;
}

/** The text in lines of at most `columns`, broken at spaces, and inside of a word only where that is longer than a line. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => wrapLine(paragraph.trimEnd(), Math.max(1, columns)));
}

function wrapLine(text: string, columns: number): string[] {
  if (width(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/).flatMap((part) => pieces(part, columns))) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function pieces(word: string, columns: number): string[] {
  if (width(word) <= columns) return [word];
  const parts = [''];
  for (const { segment } of graphemes(word)) {
    const last = parts[parts.length - 1] ?? '';
    if (width(last) + graphemeWidth(segment) > columns) parts.push(segment);
    else parts[parts.length - 1] = last + segment;
  }
  return parts;
}

/** The text after `indent`, wrapped with the further lines below its first word. */
export function hanging(text: string, columns: number, indent: string): string[] {
  return wrap(text, columns - indent.length).map(
    (line, at) => (at === 0 ? indent : ' '.repeat(indent.length)) + line,
  );
}

/** The text after `indent`, on at most two lines. */
export function paragraph(text: string, columns: number, indent: string): string[] {
  const [first, ...rest] = hanging(text, columns, indent);
  if (first === undefined || rest.length === 0) return [first ?? indent];
  const second = rest.map((line) => line.trim()).join(' ');
  return [first, `${' '.repeat(indent.length)}${cut(second, columns - indent.length)}`];
}

/** `on web-1`, or `on 3 hosts (web-1, web-2, web-3)`; as many names as `columns` hold, then `and 9 more`. */
export function onHosts(hosts: readonly string[], columns = Number.POSITIVE_INFINITY): string {
  if (hosts.length === 0) return '';
  if (hosts.length === 1) return `on ${hosts[0]}`;
  const count = `on ${hosts.length} hosts`;
  for (let shown = hosts.length; shown > 0; shown -= 1) {
    const more = shown === hosts.length ? '' : ` and ${hosts.length - shown} more`;
    const text = `${count} (${hosts.slice(0, shown).join(', ')}${more})`;
    if (width(text) <= columns) return text;
  }
  return count;
}

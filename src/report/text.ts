import { stripVTControlCharacters } from 'node:util';
import { failureRecord } from '../domain/failure.js';
import type { Page } from './style.js';

/** Longer text from hosts and files is truncated, in characters. */
const maxLength = 4_000;

// ECMA-48 escapes. Node's stripVTControlCharacters would let a host hide text that ends with BEL.
const esc = '\\u001b';
const escapes = new RegExp(
  [
    `(?:${esc}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    `(?:${esc}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\n\\u0007\\u001b\\u009c]*(?:\\u0007|${esc}\\\\|\\u009c)`,
    `${esc}[ -/]*[0-Z\\\\^-~]`,
  ].join('|'),
  'g',
);

// Control characters except newline, and invisible ones, which hide or reorder text.
const unprintable = /(?!\n)[\p{Cc}\p{Cf}]/gu;

/**
 * Makes text from a host or file safe to show: removes terminal escapes, control characters and marks that reorder
 * text, and truncates it at 4,000 characters. Line ends become `\n`, tabs become spaces.
 */
export function printable(text: string): string {
  const stripped = (text.length > 4 * maxLength ? text.slice(0, 4 * maxLength) : text)
    .replace(escapes, '')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/\t/g, ' ')
    .replace(unprintable, '');
  return stripped.length > maxLength ? `${stripped.slice(0, maxLength)}…` : stripped;
}

/** Maps every string in a value, at any depth, by `change`. Keeps keys; errors become their records. */
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

/** Returns a file's text unchanged for programs, {@link printable} line by line for terminals. */
export function fileText(text: string, { columns }: Pick<Page, 'columns'>): string {
  return Number.isFinite(columns) ? text.split('\n').map(printable).join('\n') : text;
}

/** Joins lines into one. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trimEnd();

// Created on first use: it takes 20 ms, and most text is ASCII.
const lazy: { segmenter?: Intl.Segmenter } = {};

function graphemes(text: string): Iterable<{ readonly segment: string }> {
  lazy.segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return lazy.segmenter.segment(text);
}

const zeroWidth = /^[\p{Mark}\p{Cf}]+$/u;
const wide =
  /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}]/u;

const graphemeWidth = (grapheme: string) => (zeroWidth.test(grapheme) ? 0 : wide.test(grapheme) ? 2 : 1);

/** Returns the number of terminal columns that the text takes; escapes take none. */
export function width(text: string): number {
  const plain = text.includes('\u001b') ? stripVTControlCharacters(text) : text;
  // Fast path for ASCII: this runs for every line drawn.
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length;
  let sum = 0;
  for (const { segment } of graphemes(plain)) sum += graphemeWidth(segment);
  return sum;
}

/** Returns unstyled text on one line of at most `columns`, with `…` if it was cut. */
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

/** Shortens image digests to 12 digits, as Docker does: `sha256:b1946ac92492…`. */
export const shortDigests = (text: string): string =>
  text.replace(/\bsha256:([0-9a-f]{12})[0-9a-f]{52}\b/g, 'sha256:$1…');

/** Like {@link cut}, but removes the middle: a message ends with its reason. */
export function cutMiddle(text: string, columns: number): string {
  const line = oneLine(text);
  if (width(line) <= columns) return line;
  const [start, end] = [Math.floor((columns - 1) / 3), columns - 1 - Math.floor((columns - 1) / 3)];
  let tail = '';
  for (const { segment } of [...graphemes(line)].reverse()) {
    if (width(segment + tail) > end) break;
    tail = segment + tail;
  }
  return columns > 1 ? `${cut(line, start + 1).replace(/…$/, '')}…${tail.trimStart()}` : cut(line, columns);
}

/** Pads the text with spaces to `columns`. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, columns - width(text)));
  return align === 'left' ? text + gap : gap + text;
}

/** Wraps the text to `columns` at spaces; breaks only words that are longer than a line. */
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

/** Wraps the text after `indent` and aligns further lines with its first word. */
export function hanging(text: string, columns: number, indent: string): string[] {
  return wrap(text, columns - indent.length).map(
    (line, index) => (index === 0 ? indent : ' '.repeat(indent.length)) + line,
  );
}

/** Like {@link hanging}, on at most `height` lines; the last one loses its middle, so that it keeps the end of the text. */
export function paragraph(text: string, columns: number, indent: string, height = 2): string[] {
  const lines = hanging(text, columns, indent);
  if (lines.length <= height) return lines;
  const rest = lines.slice(height - 1).map((line) => line.slice(indent.length));
  const last = `${height === 1 ? indent : ' '.repeat(indent.length)}${cutMiddle(rest.join(' '), columns - indent.length)}`;
  return [...lines.slice(0, height - 1), last];
}

/** Returns `on web-1` or `on 3 hosts (web-1, web-2, web-3)`, with as many names as fit in `columns`. */
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

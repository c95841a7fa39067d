import fc from 'fast-check';
import { parseDocument, stringify } from 'yaml';

/*
 * Mutations of valid texts, as people, editors, disks and attackers cause them. An edit is plain data, so that fast-check
 * can generate, print and shrink it.
 */

/** An edit of the text. Positions are in thousandths of its length. */
interface TextEdit {
  readonly kind: 'cut' | 'repeat' | 'insert' | 'other line' | 'indent' | 'end here' | 'windows' | 'bom';
  readonly at: number;
  readonly other: number;
  readonly length: number;
  readonly piece: string;
}

/** An edit of the parsed value or key at position `at`. */
interface ValueEdit {
  readonly kind: 'replace' | 'drop' | 'rename' | 'twin' | 'list' | 'nest' | 'multiply' | 'move';
  readonly at: number;
  readonly other: number;
  readonly word: unknown;
}

type Edit = TextEdit | ValueEdit;

/** The name of a valid text, and its edits. */
export interface Mutation {
  readonly of: string;
  readonly edits: readonly Edit[];
}

/** Parses and prints a format. */
export interface Syntax {
  parse(text: string): unknown;
  print(value: unknown): string;
}

/** Reads as much of the text as possible, ignoring errors. */
export const yaml: Syntax = {
  parse: (text) => parseDocument(text, { uniqueKeys: false, logLevel: 'silent' }).toJS(),
  print: (value) => stringify(value),
};

/** One line per item. */
export const jsonLines: Syntax = {
  parse: (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  print: (value) =>
    (Array.isArray(value) ? value : [value]).map((item) => `${JSON.stringify(item)}\n`).join(''),
};

const words = [
  ...['', ' ', '~', 'yes', '0', '-1', '-rf', '__proto__', 'constructor', 'hasOwnProperty', 'toString'],
  ...[
    '$(reboot)',
    '`id`',
    '${',
    `\${X}`,
    '${X:-',
    '$${',
    '{{',
    '}}',
    '{{ run.id }}',
    '\\{{',
    '*a',
    '&a',
    '<<',
  ],
  ...['../../etc/passwd', 'a\nb', 'a\r\nb', '\u001b[2J', '\u0000', '\u202e', '\ud800', '\ufffd', '🦊', 'é'],
];
const values = [
  ...[null, true, false, 0, -1, 1.5, 65_536, 2 ** 53, 1e308, -1e308, Number.NaN, Number.POSITIVE_INFINITY],
  ...[[], {}, [[]], [null], { '': '' }, { $from: 'nowhere', path: ['x'] }],
];
const pieces = [
  ...['\u0000', '\ufeff', '\u2028', '\r', '\t', '\n', '\n  ', '- ', ': ', '[', ']', '{', '}', ',', '"', "'"],
  ...[
    '#',
    '&a ',
    '*a',
    ' *a',
    '\n<<: *a\n',
    '!!binary x',
    '!',
    '|',
    '>',
    '\n---\n',
    '\n...\n',
    '? ',
    '%YAML 9\n',
  ],
  ...['1e999', '.nan', '0x1F', '{"__proto__":1}', '\u202e', '\ud800', '\u001b[2J'],
];
/** Used rarely, because each is slow. */
const large = [
  ...['a'.repeat(100_000), '['.repeat(5000), '{"a":'.repeat(5000), '- '.repeat(2000), '\n'.repeat(50_000)],
  ...['{{ a }}'.repeat(10_000), '${A:-'.repeat(5000), '"a": 1, '.repeat(5000), ' '.repeat(50_000)],
];

const thousandth = fc.nat(999);
const noise = fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units));
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...words, ...values) },
  { weight: 1, arbitrary: noise },
);
const piece = fc.oneof(
  { weight: 80, arbitrary: fc.constantFrom(...pieces, ...words) },
  { weight: 20, arbitrary: noise },
  { weight: 1, arbitrary: fc.constantFrom(...large) },
);
const textEdit = fc.record({
  kind: fc.constantFrom<TextEdit['kind']>(
    ...(['cut', 'repeat', 'insert', 'insert', 'other line', 'indent', 'end here', 'windows', 'bom'] as const),
  ),
  at: thousandth,
  other: thousandth,
  length: fc.nat(200),
  piece,
});
const commonKinds = ['replace', 'drop', 'rename', 'twin', 'list', 'move'] as const;
const valueEdit = fc
  .record({
    rare: fc.nat(499),
    which: fc.constantFrom(...commonKinds),
    at: thousandth,
    other: thousandth,
    word,
  })
  .map(({ rare, which, ...rest }) => ({
    kind: rare === 0 ? ('multiply' as const) : rare < 5 ? ('nest' as const) : which,
    ...rest,
  }));

/** Mutations of the valid texts with these names. */
export function mutationOf(names: readonly string[]): fc.Arbitrary<Mutation> {
  return fc.record({
    of: fc.constantFrom(...names),
    edits: fc.oneof(
      fc.array<Edit>(valueEdit, { minLength: 1, maxLength: 3 }),
      fc.array<Edit>(textEdit, { minLength: 1, maxLength: 4 }),
      fc.tuple<[Edit, Edit]>(valueEdit, textEdit),
    ),
  });
}

/** Applies all edits to the text; those of the value first. */
export function mutated(text: string, { edits }: Mutation, syntax: Syntax): string {
  const ofValue = edits.filter(isValueEdit);
  const ofText = edits.filter((edit): edit is TextEdit => !isValueEdit(edit));
  if (ofValue.length === 0) return ofText.reduce(editText, text);
  // An invisible mark allows a duplicate key; it is removed from the printed text.
  const printed = syntax.print(ofValue.reduce(editValue, syntax.parse(text)) ?? null).replaceAll(mark, '');
  return ofText.reduce(editText, printed);
}

const mark = '\u2063';

function isValueEdit(edit: Edit): edit is ValueEdit {
  return 'word' in edit;
}

function editText(text: string, { kind, at, other, length, piece }: TextEdit): string {
  const start = Math.floor((at * text.length) / 1000);
  const [before, after] = [text.slice(0, start), text.slice(start)];
  switch (kind) {
    case 'cut':
      return before + after.slice(length);
    case 'repeat':
      return before + after.slice(0, length) + after;
    case 'insert':
      return before + piece + after;
    case 'end here':
      return before;
    case 'windows':
      return text.replaceAll('\n', '\r\n');
    case 'bom':
      return `\ufeff${text}`;
    case 'other line':
      return editLine(text, at, (_, lines) => lines[Math.floor((other * lines.length) / 1000)] ?? '');
    case 'indent':
      return editLine(text, at, (line) => ' '.repeat(length % 10) + line.trim());
  }
}

function editLine(
  text: string,
  at: number,
  change: (line: string, lines: readonly string[]) => string,
): string {
  const lines = text.split('\n');
  const index = Math.floor((at * lines.length) / 1000);
  return lines.with(index, change(lines[index] ?? '', lines)).join('\n');
}

function editValue(value: unknown, edit: ValueEdit): unknown {
  const paths = pathsOf(value);
  const pick = (place: number) => paths[Math.floor((place * paths.length) / 1000)] ?? [];
  const path = pick(edit.at);
  const key = typeof edit.word === 'string' ? edit.word : String(path.at(-1));
  const entries = (change: (entry: Entry) => readonly Entry[]) => changed(value, path, change);
  const values = (change: (value: unknown) => unknown) => entries(([name, item]) => [[name, change(item)]]);
  switch (edit.kind) {
    case 'replace':
      return values(() => edit.word);
    case 'drop':
      return entries(() => []);
    case 'rename':
      return entries(([, item]) => [[key, item]]);
    case 'twin':
      return entries((entry) => [entry, [entry[0] + mark, edit.word]]);
    case 'list':
      return values((item) => (Array.isArray(item) ? { [key]: item } : [item, item]));
    case 'nest':
      return values((item) => Array.from({ length: 150 }).reduce((inner) => [inner], item));
    case 'multiply':
      return values((item) => Array.from({ length: 2000 }, () => (typeof item === 'object' ? key : item)));
    case 'move':
      return values(() => pick(edit.other).reduce<unknown>((at, step) => Object(at)[step], value));
  }
}

type Entry = readonly [key: string, value: unknown];

/** Changes the entry at `path` of a value. */
function changed(
  value: unknown,
  path: readonly string[],
  change: (entry: Entry) => readonly Entry[],
): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(['', value])[0]?.[1];
  const entries = Object.entries(Object(value)).flatMap((entry): readonly Entry[] => {
    if (entry[0] !== key) return [entry];
    return rest.length === 0 ? change(entry) : [[key, changed(entry[1], rest, change)]];
  });
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** The paths of all parts of a value. */
function pathsOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

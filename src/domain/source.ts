import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
} from 'yaml';
import { invalid, type Problem } from './problem.js';

/** Keys and indexes from the root of a document. */
export type Path = readonly PropertyKey[];

/** Generous for real files, but safe against slow parsing and stack overflow. */
const limits = { characters: 1_048_576, tokens: 100_000, depth: 100, values: 100_000, errors: 100 };

/** The side of a `key: value` pair that a problem points to. */
export type End = 'key' | 'value';

/** A parsed YAML text that maps paths to places in the text. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** Plain data without dates or cycles; `null` for an empty text. */
  readonly value: unknown;
  /** Problems that do not prevent parsing: duplicate keys, unknown aliases. */
  readonly problems: readonly Problem[];
  /** Returns a problem at `path`, or at its nearest existing parent. */
  problem(
    path: Path,
    message: string,
    options?: { readonly end?: End; readonly suggestion?: string },
  ): Problem;
  /** Returns the scalar at `path` as written (`1.10`, not 1.1), without quotes, or undefined if there is none. */
  written(path: Path): string | undefined;
  /** Like {@link Source.problem}, but `offset` characters into a one-line value. Points to the start of other values. */
  problemWithin(path: Path, offset: number, message: string, suggestion?: string): Problem;
}

/**
 * Parses a YAML text. Throws a failure `config.invalid` (or `code`) if it is not YAML, too large, too deep, or has several documents.
 * Other problems are collected in {@link Source.problems}.
 */
export function readSource(file: string, text: string, code?: string): Source {
  const lines = new LineCounter();
  const rows = text.split('\n');
  // The parser may stop before it has counted the lines.
  rows.reduce((start, row) => {
    lines.addNewLine(start);
    return start + row.length + 1;
  }, 0);
  const at = (offset: number, message: string, suggestion?: string): Problem => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    const row = (rows[Math.max(line, 1) - 1] ?? '').replace(/\r$/, '');
    const place = { file, line: Math.max(line, 1), column: Math.max(col, 1), text: row, message };
    return suggestion === undefined ? place : { ...place, suggestion };
  };
  if (text.length > limits.characters)
    throw invalid([{ file, line: 1, column: 1, text: '', message: 'file is larger than 1 MiB' }], code);
  const document = compose(text, (offset, message) => invalid([at(offset, message)], code));
  const faults = [...document.errors, ...document.warnings].slice(0, limits.errors);
  if (faults.length > 0)
    throw invalid(
      faults.map((fault) => at(fault.pos[0], lowerFirst(fault.message))),
      code,
    );

  const reader = new Reader(at);
  const value = reader.value(document.contents);
  return {
    file,
    text,
    value,
    problems: reader.problems,
    problem: (path, message, options = {}) =>
      at(reader.offset(document.contents, path, options.end ?? 'value'), message, options.suggestion),
    written: (path) => reader.written(document.contents, path),
    problemWithin: (path, offset, message, suggestion) => {
      const start = reader.offset(document.contents, path, 'value');
      const node = reader.node(document.contents, path);
      const plain = isScalar(node) && typeof node.value === 'string' && node.range != null;
      const written = plain && node.range != null ? text.slice(start, node.range[1]) : '';
      const shift = plain ? written.indexOf(String(node.value)) : -1;
      return at(shift < 0 ? start : start + shift + offset, message, suggestion);
    },
  };
}

const lowerFirst = (message: string) =>
  message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase());

type Fail = (offset: number, message: string) => Error;

/** Composing recurses, so depth must be limited while parsing. */
function compose(text: string, fail: Fail): Document.Parsed {
  const parser = new Parser();
  const tokens = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > limits.depth) throw fail(parser.offset, 'nested too deeply');
    if (++count > limits.tokens) throw fail(parser.offset, 'file is too long');
  }
  tokens.push(...parser.end());
  const composer = new Composer({ uniqueKeys: false, logLevel: 'silent', resolveKnownTags: false });
  const [first, second] = composer.compose(tokens, true, text.length);
  if (first === undefined) throw fail(0, 'not a YAML document');
  if (second !== undefined) throw fail(second.range[0], 'only one document is allowed');
  return first as Document.Parsed;
}

type Child = Node | null | undefined;

interface Anchored {
  readonly node: Node;
  /** Missing while the anchor's own content is parsed. */
  result?: { readonly value: unknown; readonly size: number };
}

/** Converts nodes to plain values; resolves aliases and collects problems. */
class Reader {
  readonly problems: Problem[] = [];
  readonly #at: (offset: number, message: string) => Problem;
  readonly #anchors = new Map<string, Anchored>();
  readonly #targets = new Map<Node, Node>();
  #size = 0;

  constructor(at: (offset: number, message: string) => Problem) {
    this.#at = at;
  }

  #report(node: Child, message: string): undefined {
    this.problems.push(this.#at(node?.range?.[0] ?? 0, message));
  }

  value(node: Child): unknown {
    if (node == null) return null;
    const before = this.#size++;
    if (isAlias(node)) return this.#alias(node);
    const anchored: Anchored | undefined = node.anchor === undefined ? undefined : { node };
    if (anchored && node.anchor) this.#anchors.set(node.anchor, anchored);
    const value = isMap(node)
      ? this.#map(node.items as Pair<Node, Node | null>[])
      : isSeq(node)
        ? node.items.map((item) => this.value(item as Node))
        : this.#scalar(node);
    if (anchored) anchored.result = { value, size: this.#size - before };
    return value;
  }

  #scalar(node: Node): unknown {
    const value = isScalar(node) ? node.value : null;
    if (typeof value === 'number' && !Number.isFinite(value))
      return this.#report(node, 'must be a finite number');
    return value;
  }

  /** Counts the size of each use, because consumers walk shared values every time. */
  #alias(node: Node & { readonly source: string }): unknown {
    const anchored = this.#anchors.get(node.source);
    if (anchored === undefined) return this.#report(node, `unknown anchor &${node.source}`);
    if (anchored.result === undefined) return this.#report(node, `*${node.source} contains itself`);
    this.#targets.set(node, anchored.node);
    this.#size += anchored.result.size;
    if (this.#size <= limits.values) return anchored.result.value;
    this.#size -= anchored.result.size;
    return this.#report(node, 'aliases expand to too many values');
  }

  #map(pairs: readonly Pair<Node, Node | null>[]): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = keyOf(pair.key);
      if (key === undefined || key === '__proto__') this.#report(pair.key, 'key must be a plain word');
      else if (entries.has(key)) this.#report(pair.key, `duplicate key "${key}"`);
      else entries.set(key, this.value(pair.value));
    }
    return Object.fromEntries(entries);
  }

  #follow(node: Child): Child {
    return node != null && isAlias(node) ? (this.#targets.get(node) ?? node) : node;
  }

  #child(node: Child, key: PropertyKey): { readonly key?: Node; readonly value: Child } | undefined {
    const parent = this.#follow(node);
    if (isSeq(parent)) {
      const value = parent.items[Number(key)] as Child;
      return value === undefined ? undefined : { value };
    }
    if (!isMap(parent)) return undefined;
    const pair = parent.items.find((item) => keyOf(item.key as Node) === String(key));
    return pair === undefined ? undefined : { key: pair.key as Node, value: pair.value as Child };
  }

  node(root: Child, path: Path): Child {
    return path.reduce<Child>((node, key) => this.#child(node, key)?.value, root);
  }

  written(root: Child, path: Path): string | undefined {
    const node = this.#follow(this.node(root, path));
    return isScalar(node) ? node.source : undefined;
  }

  offset(root: Child, path: Path, end: End): number {
    let node = root;
    let offset = root?.range?.[0] ?? 0;
    for (const [index, key] of path.entries()) {
      const child = this.#child(node, key);
      if (child === undefined) break;
      const last =
        index === path.length - 1 && end === 'value' && !(isScalar(child.value) && child.value.source === '');
      const place = last || child.key === undefined ? child.value : child.key;
      offset = (place ?? child.key)?.range?.[0] ?? offset;
      node = child.value;
    }
    return offset;
  }
}

/** The key as written, or undefined if it is invalid. */
function keyOf(key: Node | null): string | undefined {
  if (!isScalar(key) || key.value === null || key.value === '') return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

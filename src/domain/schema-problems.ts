import { z } from 'zod';
import { given } from './given.js';
import { nearest } from './nearest.js';
import type { Problem } from './problem.js';
import type { Path, Source } from './source.js';

type Issue = z.core.$ZodIssue;
/** A JSON Schema, the source of suggestions. */
export interface JsonSchema {
  readonly [key: string]: unknown;
}

/** A value at `path` of a source, and its schema. */
export interface Checked {
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly path: Path;
}

/** Parses the value at `path` (or `value`, if given) by `schema`. Returns all problems with their places if it is invalid. */
export function match<T>(
  source: Source,
  schema: z.ZodType<T>,
  options: { readonly path?: Path; readonly value?: unknown } = {},
): { readonly value: T } | { readonly problems: readonly Problem[] } {
  const path = options.path ?? [];
  const value = 'value' in options ? options.value : valueAt(source.value, path);
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  return { problems: issueProblems(source, { schema, value, path }, parsed.error.issues) };
}

/** Converts zod issues to readable problems of the source. */
export function issueProblems(
  source: Source,
  checked: Checked,
  issues: readonly Issue[],
): readonly Problem[] {
  const json = jsonSchema(checked.schema);
  return issues.flatMap(narrow).flatMap((issue) => {
    const path = [...checked.path, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) =>
        source.problem([...path, key], `unknown key "${key}"`, {
          end: 'key',
          ...suggest(key, Object.keys(propertiesAt(json, issue.path))),
        }),
      );
    const value = valueAt(checked.value, issue.path);
    const suggestion = typeof value === 'string' ? suggest(value, valuesAt(json, issue.path)) : {};
    const message = messageOf(issue, value);
    const name = issue.path.length === 0 ? '' : `${dotted(issue.path)}${message === missing ? ' ' : ': '}`;
    return [
      source.problem(path, `${name}${message}`, {
        ...suggestion,
        ...(issue.code === 'invalid_key' ? { end: 'key' } : {}),
      }),
    ];
  });
}

const suggest = (word: string, candidates: Iterable<string>) => {
  const suggestion = nearest(word, candidates);
  return given({ suggestion });
};

/** Formats a path: `services.web.ports[1]`. */
export const dotted = (path: Path): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');

/** Returns the value at `path` of plain data. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined,
    value,
  );
}

/** Reduces a union's issue to those of the intended branch: the right shape, with the fewest issues. */
function narrow(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const mismatch = (branch: readonly Issue[]) =>
    branch.some(
      (inner) => inner.path.length === 0 && (inner.code === 'invalid_type' || inner.code === 'invalid_value'),
    );
  const fitting = issue.errors.filter((branch) => !mismatch(branch)).sort((a, b) => a.length - b.length);
  const chosen = fitting[0] ?? (issue.errors.length === 1 ? issue.errors[0] : undefined);
  if (chosen === undefined) return [issue];
  return chosen.map((inner): Issue => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(narrow);
}

const missing = 'is missing';

function messageOf(issue: Issue, value: unknown): string {
  if (issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union') {
    if (value === undefined) return missing;
    // Custom messages are more precise than ours.
    if (!issue.message.startsWith('Invalid ')) return issue.message;
    const expected = expectedOf(issue);
    return expected.length === 0
      ? `invalid value ${displayed(value)}`
      : `must be ${oneOf(expected)}, not ${displayed(value)}`;
  }
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  if (issue.code === 'custom') return message;
  return message.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

/** The types and values that would be valid. */
function expectedOf(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_type') return [article(issue.expected)];
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' ? [...new Set(issue.errors.flat().flatMap(expectedOf))] : [];
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  int: 'a whole number',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};
const article = (type: string) => typeNames[type] ?? `a ${type}`;

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** Formats a value for a message: at most 60 characters, never a whole structure. */
export function displayed(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'empty';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** Conversion takes as long as reading a whole file. */
const cached = { input: new WeakMap<z.ZodType, JsonSchema>(), output: new WeakMap<z.ZodType, JsonSchema>() };

/** Returns the JSON Schema of the input of `schema`, or of its output. Parts that JSON Schema cannot express accept anything. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  const json =
    cached[io].get(schema) ?? z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  cached[io].set(schema, json);
  return json;
}

/** Resolves `$ref` and returns the alternatives of a schema, or the schema itself. */
export function alternatives(root: JsonSchema, schema: unknown): readonly JsonSchema[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const known = nodeCache.get(schema);
  if (known?.root === root) return known.nodes;
  const nodes = branchesOf(root, schema, 8);
  nodeCache.set(schema, { root, nodes });
  return nodes;
}

/** Recipes resolve the same schemas many times. */
const nodeCache = new WeakMap<object, { readonly root: JsonSchema; readonly nodes: readonly JsonSchema[] }>();

function branchesOf(root: JsonSchema, schema: unknown, depth: number): readonly JsonSchema[] {
  if (typeof schema !== 'object' || schema === null || depth === 0) return [];
  const node = schema as JsonSchema;
  if (typeof node.$ref === 'string') {
    const path = node.$ref.replace(/^#\/?/, '').split('/').filter(Boolean);
    return branchesOf(root, valueAt(root, path), depth - 1);
  }
  const branches = [node.anyOf, node.oneOf, node.allOf].flatMap((list) => (Array.isArray(list) ? list : []));
  return branches.length === 0 ? [node] : branches.flatMap((branch) => branchesOf(root, branch, depth - 1));
}

/** Returns the schemas that apply at `path`. */
export function schemasAt(root: JsonSchema, path: Path): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (nodes, key) =>
      nodes.flatMap((node) => {
        const child =
          typeof key === 'number'
            ? node.items
            : (valueAt(node.properties, [key]) ?? node.additionalProperties);
        return alternatives(root, child);
      }),
    alternatives(root, root),
  );
}

/** Returns the keys allowed at `path`, with their schemas. */
export function propertiesAt(root: JsonSchema, path: Path): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...schemasAt(root, path).map((node) => node.properties ?? {}));
}

/** Returns the values allowed at `path` if they are enumerated. */
export function valuesAt(root: JsonSchema, path: Path): readonly string[] {
  return schemasAt(root, path)
    .flatMap((node) => (Array.isArray(node.enum) ? node.enum : 'const' in node ? [node.const] : []))
    .filter((value) => typeof value === 'string');
}

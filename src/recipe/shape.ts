import type { z } from 'zod';
import { alternatives, type JsonSchema, jsonSchema, valueAt } from '../domain/schema-problems.js';
import type { Path } from '../domain/source.js';
import type { ParamType } from './recipe.js';

/** What a value looks like: the alternatives of a JSON Schema. */
export interface Shape {
  readonly root: JsonSchema;
  readonly nodes: readonly JsonSchema[];
}

const of = (root: JsonSchema): Shape => ({ root, nodes: alternatives(root, root) });
export const text: Shape = of({ type: 'string' });

/** The shape of what `schema` accepts, or of what it gives. */
export const shapeOf = (schema: z.ZodType, io: 'input' | 'output'): Shape => of(jsonSchema(schema, io));

export function paramShape(type: ParamType): Shape {
  return of(typeof type === 'string' ? { type } : { type: 'string', enum: type });
}

/** A mapping of names to values of this shape. */
export const mappingOf = (shape: Shape): Shape => ({
  root: shape.root,
  nodes: [{ type: 'object', additionalProperties: { $alternatives: shape.nodes } }],
});

/** Whether nothing is known of the value. */
const open = (node: JsonSchema) =>
  node.type === undefined && node.enum === undefined && !('const' in node) && node.properties === undefined;

function child(shape: Shape, node: JsonSchema, key: PropertyKey): readonly JsonSchema[] {
  if (open(node)) return [{}];
  if (typeof key === 'number') return node.type === 'array' ? expand(shape, node.items ?? {}) : [];
  const property = valueAt(node.properties, [key]);
  if (property !== undefined) return expand(shape, property);
  if (node.type !== 'object' || node.additionalProperties === false) return [];
  return expand(shape, node.additionalProperties ?? {});
}

function expand(shape: Shape, schema: unknown): readonly JsonSchema[] {
  const nodes = valueAt(schema, ['$alternatives']);
  return Array.isArray(nodes) ? nodes : alternatives(shape.root, schema === true ? {} : schema);
}

/** The shape of what stands at `path`; undefined when there is no such field. */
export function shapeAt(shape: Shape, path: Path): Shape | undefined {
  const nodes = path.reduce<readonly JsonSchema[]>(
    (at, key) => at.flatMap((node) => child(shape, node, key)),
    shape.nodes,
  );
  return nodes.length === 0 ? undefined : { root: shape.root, nodes };
}

/** The fields that a value of this shape is known to have. */
export const fields = (shape: Shape): readonly string[] =>
  shape.nodes.flatMap((node) => Object.keys(node.properties ?? {}));

/** The keys that a mapping of this shape cannot do without. */
export const required = (shape: Shape): readonly string[] =>
  shape.nodes.flatMap((node) => (Array.isArray(node.required) ? node.required.map(String) : []));

function typeOf(node: JsonSchema): string {
  const sample = Array.isArray(node.enum) ? node.enum[0] : node.const;
  const type = String(node.type ?? (sample === undefined ? 'object' : typeof sample));
  return type === 'integer' ? 'number' : type;
}

const words = (node: JsonSchema): readonly unknown[] | undefined =>
  Array.isArray(node.enum) ? node.enum : 'const' in node ? [node.const] : undefined;

/** How deep shapes are compared. */
const deep = 5;
/** The same few are compared by each step of a recipe. */
const compared = new WeakMap<JsonSchema, WeakMap<JsonSchema, boolean>>();

/** Whether a value of shape `from` may stand where `to` is wanted. Lenient: it refuses only what can never fit. */
export function fits(from: Shape, to: Shape): boolean {
  return from.nodes.some((a) =>
    to.nodes.some((b) => {
      const answers = compared.get(a) ?? new WeakMap<JsonSchema, boolean>();
      const answer = answers.get(b) ?? nodeFits(from, a, to, b, deep);
      compared.set(a, answers.set(b, answer));
      return answer;
    }),
  );
}

function someFit(from: Shape, to: Shape, depth: number): boolean {
  return from.nodes.some((a) => to.nodes.some((b) => nodeFits(from, a, to, b, depth)));
}

function nodeFits(from: Shape, a: JsonSchema, to: Shape, b: JsonSchema, depth: number): boolean {
  if (open(a) || open(b) || depth === 0) return true;
  if (typeOf(a) !== typeOf(b)) return false;
  const [given, wanted] = [words(a), words(b)];
  if (given !== undefined && wanted !== undefined) return given.some((word) => wanted.includes(word));
  const inner = (key: PropertyKey) => {
    const [left, right] = [child(from, a, key), child(to, b, key)];
    if (left.length === 0 || right.length === 0) return left.length === right.length || right.length > 0;
    return someFit({ root: from.root, nodes: left }, { root: to.root, nodes: right }, depth - 1);
  };
  if (typeOf(a) === 'array') return inner(0);
  if (typeOf(a) !== 'object') return true;
  const needed = Array.isArray(b.required) ? b.required.map(String) : [];
  if (needed.some((key) => child(from, a, key).length === 0)) return false;
  const known = Object.keys(a.properties ?? {});
  if (b.additionalProperties === false && known.some((key) => child(to, b, key).length === 0)) return false;
  return [...known, ...needed].every(inner) && (known.length > 0 || needed.length > 0 || inner('*'));
}

/** Whether it can be a part of a text. */
export const scalar = (shape: Shape) =>
  shape.nodes.some((node) => open(node) || !['object', 'array'].includes(typeOf(node)));

const names: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  number: 'a number',
};

/** `text`, `a number or a list`. */
export const inWords = (shape: Shape) =>
  [
    ...new Set(shape.nodes.map((node) => words(node)?.join(' or ') ?? names[typeOf(node)] ?? typeOf(node))),
  ].join(' or ');

import type { z } from 'zod';
import { alternatives, type JsonSchema, jsonSchema, valueAt } from '../domain/schema-problems.js';
import type { Path } from '../domain/source.js';
import type { ParamType } from './recipe.js';

/** The type of a value, as the alternatives of a JSON Schema. */
export interface Shape {
  readonly root: JsonSchema;
  readonly nodes: readonly JsonSchema[];
}

const of = (root: JsonSchema): Shape => ({ root, nodes: alternatives(root, root) });
export const textShape: Shape = of({ type: 'string' });

/** Returns the shape of a schema's input or output. */
export const shapeOf = (schema: z.ZodType, io: 'input' | 'output'): Shape => of(jsonSchema(schema, io));

export function paramShape(type: ParamType): Shape {
  return of(typeof type === 'string' ? { type } : { type: 'string', enum: type });
}

/** Returns the shape of a mapping with values of this shape. */
export const mappingOf = (shape: Shape): Shape => ({
  root: shape.root,
  nodes: [{ type: 'object', additionalProperties: { $alternatives: shape.nodes } }],
});

/** Whether any value is allowed. */
const isUnknown = (node: JsonSchema) =>
  node.type === undefined && node.enum === undefined && !('const' in node) && node.properties === undefined;

function child(shape: Shape, node: JsonSchema, key: PropertyKey): readonly JsonSchema[] {
  if (isUnknown(node)) return [{}];
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

/** Returns the shape at `path`, or undefined if there is no such field. */
export function shapeAt(shape: Shape, path: Path): Shape | undefined {
  const nodes = path.reduce<readonly JsonSchema[]>(
    (at, key) => at.flatMap((node) => child(shape, node, key)),
    shape.nodes,
  );
  return nodes.length === 0 ? undefined : { root: shape.root, nodes };
}

/** Returns the known fields of a shape. */
export const fieldNames = (shape: Shape): readonly string[] =>
  shape.nodes.flatMap((node) => Object.keys(node.properties ?? {}));

/** Returns the required keys of a shape. */
export const requiredKeys = (shape: Shape): readonly string[] =>
  shape.nodes.flatMap((node) => (Array.isArray(node.required) ? node.required.map(String) : []));

function typeOf(node: JsonSchema): string {
  const sample = Array.isArray(node.enum) ? node.enum[0] : node.const;
  const type = String(node.type ?? (sample === undefined ? 'object' : typeof sample));
  return type === 'integer' ? 'number' : type;
}

const enumValues = (node: JsonSchema): readonly unknown[] | undefined =>
  Array.isArray(node.enum) ? node.enum : 'const' in node ? [node.const] : undefined;

/** The depth to which shapes are compared. */
const maxDepth = 5;
/** Caches comparisons: steps compare the same few shapes. */
const compared = new WeakMap<JsonSchema, WeakMap<JsonSchema, boolean>>();

/** Whether a value of shape `from` can be used as `to`. Returns false only if it can never fit. */
export function isAssignable(from: Shape, to: Shape): boolean {
  return from.nodes.some((a) =>
    to.nodes.some((b) => {
      const answers = compared.get(a) ?? new WeakMap<JsonSchema, boolean>();
      const answer = answers.get(b) ?? nodeFits(from, a, to, b, maxDepth);
      compared.set(a, answers.set(b, answer));
      return answer;
    }),
  );
}

function anyNodeFits(from: Shape, to: Shape, depth: number): boolean {
  return from.nodes.some((a) => to.nodes.some((b) => nodeFits(from, a, to, b, depth)));
}

function nodeFits(from: Shape, a: JsonSchema, to: Shape, b: JsonSchema, depth: number): boolean {
  if (isUnknown(a) || isUnknown(b) || depth === 0) return true;
  if (typeOf(a) !== typeOf(b)) return false;
  const [given, wanted] = [enumValues(a), enumValues(b)];
  if (given !== undefined && wanted !== undefined) return given.some((word) => wanted.includes(word));
  const inner = (key: PropertyKey) => {
    const [left, right] = [child(from, a, key), child(to, b, key)];
    if (left.length === 0 || right.length === 0) return left.length === right.length || right.length > 0;
    return anyNodeFits({ root: from.root, nodes: left }, { root: to.root, nodes: right }, depth - 1);
  };
  if (typeOf(a) === 'array') return inner(0);
  if (typeOf(a) !== 'object') return true;
  const needed = Array.isArray(b.required) ? b.required.map(String) : [];
  if (needed.some((key) => child(from, a, key).length === 0)) return false;
  const known = Object.keys(a.properties ?? {});
  if (b.additionalProperties === false && known.some((key) => child(to, b, key).length === 0)) return false;
  return [...known, ...needed].every(inner) && (known.length > 0 || needed.length > 0 || inner('*'));
}

/** Whether the value can be part of a text. */
export const fitsInText = (shape: Shape) =>
  shape.nodes.some((node) => isUnknown(node) || !['object', 'array'].includes(typeOf(node)));

const names: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  number: 'a number',
};

/** Describes a shape for messages: `text`, `a number or a list`. */
export const describeShape = (shape: Shape) =>
  [
    ...new Set(
      shape.nodes.map((node) => enumValues(node)?.join(' or ') ?? names[typeOf(node)] ?? typeOf(node)),
    ),
  ].join(' or ');

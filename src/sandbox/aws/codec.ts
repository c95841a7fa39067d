import { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from './action.js';

/** A schema that an SDK client exports; it defines requests and responses. */
export type Schema = Parameters<typeof NormalizedSchema.of>[0];

/** `ec2Query` capitalizes parameter names and flattens lists. */
export type Protocol = 'ec2Query' | 'awsQuery';

/** Nested parameters: `Filter.1.Name=a` is {Filter: {1: {Name: 'a'}}}. */
type Value = string | Fields;
interface Fields extends Map<string, Value> {}

/**
 * Decodes request parameters (without Action and Version) with the schema of the action's input.
 * @throws AwsError if a parameter is unknown, missing or malformed
 */
export function decode(
  protocol: Protocol,
  input: Schema,
  parameters: Iterable<readonly [string, string]>,
): object {
  const fields: Fields = new Map();
  for (const [name, value] of parameters) {
    const path = name.split('.');
    const last = path.pop() ?? '';
    let target = fields;
    for (const part of path) {
      const known = target.get(part);
      const next: Fields = known instanceof Map ? known : new Map();
      target.set(part, next);
      target = next;
    }
    target.set(last, value);
  }
  return readStructure(protocol, NormalizedSchema.of(input), fields, '');
}

function readStructure(protocol: Protocol, schema: NormalizedSchema, fields: Fields, path: string): object {
  const out: Record<string, unknown> = {};
  const unknown = new Set(fields.keys());
  for (const [name, member] of schema.isUnitSchema() ? [] : schema.structIterator()) {
    const { ec2QueryName, xmlName = name } = member.getMergedTraits();
    const key =
      protocol === 'ec2Query' ? `${ec2QueryName ?? xmlName}`.replace(/^./, (c) => c.toUpperCase()) : xmlName;
    const value = fields.get(`${key}`);
    if (value !== undefined) out[name] = read(protocol, member, value, `${path}${key}`);
    else if (isRequired(schema, name))
      throw new AwsError('MissingParameter', `The request must contain the parameter ${path}${key}`);
    unknown.delete(`${key}`);
  }
  for (const key of unknown) throw unknownParameter(path + key);
  return out;
}

/** Required members come first in a schema, which has their count. */
function isRequired(schema: NormalizedSchema, member: string): boolean {
  const [, , , , names, , required] = schema.getSchema() as readonly unknown[];
  return Array.isArray(names) && names.indexOf(member) < Number(required ?? 0);
}

function read(protocol: Protocol, schema: NormalizedSchema, value: Value, path: string): unknown {
  if (schema.isListSchema()) return value === '' ? [] : readList(protocol, schema, value, path);
  if (schema.isStructSchema())
    return value === '' ? {} : readStructure(protocol, schema, fieldsOf(value, path), `${path}.`);
  // Only requests to identity providers, which are not simulated, have maps.
  if (typeof value !== 'string' || schema.isMapSchema()) throw malformed(path, 'has parts');
  if (schema.isBooleanSchema()) {
    if (!/^(true|false)$/i.test(value)) throw malformed(path, `is not true or false: ${value}`);
    return value.toLowerCase() === 'true';
  }
  if (schema.isNumericSchema()) {
    if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) throw malformed(path, `is not a number: ${value}`);
    return Number(value);
  }
  if (schema.isTimestampSchema()) {
    if (Number.isNaN(Date.parse(value))) throw malformed(path, `is not a time: ${value}`);
    return new Date(value);
  }
  return schema.isBlobSchema() ? Buffer.from(value, 'base64') : value;
}

function readList(protocol: Protocol, schema: NormalizedSchema, value: Value, path: string): unknown[] {
  const member = schema.getValueSchema();
  let items = fieldsOf(value, path);
  if (protocol === 'awsQuery' && !schema.getMergedTraits().xmlFlattened) {
    const wrapper = `${member.getMergedTraits().xmlName ?? 'member'}`;
    for (const key of items.keys()) if (key !== wrapper) throw unknownParameter(`${path}.${key}`);
    items = fieldsOf(items.get(wrapper) ?? '', path);
  }
  for (const key of items.keys()) if (!/^\d+$/.test(key)) throw unknownParameter(`${path}.${key}`);
  return [...items]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([number, item]) => read(protocol, member, item, `${path}.${number}`));
}

function fieldsOf(value: Value, path: string): Fields {
  if (typeof value === 'string') throw malformed(path, 'has no parts');
  return value;
}

function malformed(path: string, problem: string): AwsError {
  return new AwsError('InvalidParameterValue', `The value of the parameter ${path} ${problem}`);
}

function unknownParameter(path: string): AwsError {
  return new AwsError('UnknownParameter', `The parameter ${path} is not recognized`);
}

/** Encodes `value` as XML elements; skips members that the schema does not have. */
export function encode(output: Schema, value: unknown, tag?: string): string {
  const schema = NormalizedSchema.of(output);
  if (value === undefined || value === null || schema.isUnitSchema()) return '';
  const wrap = (content: string) => (tag === undefined ? content : `<${tag}>${content}</${tag}>`);
  if (schema.isStructSchema()) {
    const fields = value as Readonly<Record<string, unknown>>;
    const members = [...schema.structIterator()];
    return wrap(
      members
        .map(([name, member]) => encode(member, fields[name], member.getMemberTraits().xmlName ?? name))
        .join(''),
    );
  }
  if (Array.isArray(value)) {
    const member = schema.getValueSchema();
    const item = member.getMergedTraits().xmlName ?? 'member';
    return wrap(value.map((element) => encode(member, element, item)).join(''));
  }
  return wrap(value instanceof Date ? value.toISOString() : escapeXml(String(value)));
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };

/** Escapes text for XML 1.0; invalid characters become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>\r]/g, (character) => entities[character] ?? character);
}

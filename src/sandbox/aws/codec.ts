import { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from './action.js';

/** A schema as the SDK clients export them; they are the only source of what requests and replies look like. */
export type Schema = Parameters<typeof NormalizedSchema.of>[0];

/** `ec2Query` names parameters with capitals and its lists are flat. */
export type Protocol = 'ec2Query' | 'awsQuery';

/** Parameters by the parts of their names: `Filter.1.Name=a` is {Filter: {1: {Name: 'a'}}}. */
type Value = string | Fields;
interface Fields extends Map<string, Value> {}

/**
 * Reads the parameters of a request, without Action and Version, as the schema of the action's input says.
 * @throws AwsError for what is unknown, missing or malformed, in the words of AWS
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
    let at = fields;
    for (const part of path) {
      const known = at.get(part);
      const next: Fields = known instanceof Map ? known : new Map();
      at.set(part, next);
      at = next;
    }
    at.set(last, value);
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
  for (const key of unknown) throw surplus(path + key);
  return out;
}

/** A structure's schema counts its required members, which stand first. */
function isRequired(schema: NormalizedSchema, member: string): boolean {
  const [, , , , names, , required] = schema.getSchema() as readonly unknown[];
  return Array.isArray(names) && names.indexOf(member) < Number(required ?? 0);
}

function read(protocol: Protocol, schema: NormalizedSchema, value: Value, path: string): unknown {
  if (schema.isListSchema()) return value === '' ? [] : readList(protocol, schema, value, path);
  if (schema.isStructSchema())
    return value === '' ? {} : readStructure(protocol, schema, fieldsOf(value, path), `${path}.`);
  // Maps are only in what load balancers ask identity providers.
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
    for (const key of items.keys()) if (key !== wrapper) throw surplus(`${path}.${key}`);
    items = fieldsOf(items.get(wrapper) ?? '', path);
  }
  for (const key of items.keys()) if (!/^\d+$/.test(key)) throw surplus(`${path}.${key}`);
  return [...items]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([number, item]) => read(protocol, member, item, `${path}.${number}`));
}

function fieldsOf(value: Value, path: string): Fields {
  if (typeof value === 'string') throw malformed(path, 'has no parts');
  return value;
}

function malformed(path: string, how: string): AwsError {
  return new AwsError('InvalidParameterValue', `The value of the parameter ${path} ${how}`);
}

function surplus(path: string): AwsError {
  return new AwsError('UnknownParameter', `The parameter ${path} is not recognized`);
}

/** The elements that stand for `value` in a reply; what the schema does not know is left out. */
export function encode(output: Schema, value: unknown, tag?: string): string {
  const schema = NormalizedSchema.of(output);
  if (value === undefined || value === null || schema.isUnitSchema()) return '';
  const wrap = (content: string) => (tag === undefined ? content : `<${tag}>${content}</${tag}>`);
  if (schema.isStructSchema()) {
    const fields = value as Readonly<Record<string, unknown>>;
    const members = [...schema.structIterator()];
    return wrap(
      members.map(([name, it]) => encode(it, fields[name], it.getMemberTraits().xmlName ?? name)).join(''),
    );
  }
  if (Array.isArray(value)) {
    const member = schema.getValueSchema();
    const item = member.getMergedTraits().xmlName ?? 'member';
    return wrap(value.map((one) => encode(member, one, item)).join(''));
  }
  return wrap(value instanceof Date ? value.toISOString() : escaped(String(value)));
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };

/** Text as XML 1.0 can say it: what it cannot becomes U+FFFD. */
export function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>\r]/g, (sign) => entities[sign] ?? sign);
}

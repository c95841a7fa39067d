import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import { displayed } from '../domain/schema-problems.js';
import { unknownName } from '../domain/unknown-name.js';
import type { Param, Params } from './recipe.js';

/** The parameter values by name; undefined for one that has neither a value nor a default. */
export type ParamValues = ReadonlyMap<string, string | number | boolean | undefined>;

export const defaultsOf = (params: Params): ParamValues =>
  new Map([...params].map(([name, param]) => [name, param.default]));

/**
 * Merges given values over the defaults; parses text as the parameter's type. Throws a usage failure: `param.unknown`,
 * `param.invalid`.
 */
export function paramValues(params: Params, given: Readonly<Record<string, unknown>>): ParamValues {
  const values = new Map(defaultsOf(params));
  for (const [name, value] of Object.entries(given)) {
    const param = params.get(name);
    if (param === undefined) throw unknown(name, [...params.keys()]);
    if (value !== undefined) values.set(name, read(name, param, value));
  }
  return values;
}

function read(name: string, { type }: Param, value: unknown): string | number | boolean {
  if (typeof type === 'object') {
    if (typeof value === 'string' && type.includes(value)) return value;
    throw refused(name, value, `one of ${type.join(', ')}`);
  }
  if (type === 'string' && typeof value === 'number') return String(value);
  if (type === 'number' && typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
    return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if (
    typeof value === type &&
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
  )
    return value;
  throw refused(name, value, { string: 'text', number: 'a number', boolean: 'true or false' }[type]);
}

const refused = (name: string, value: unknown, wanted: string) =>
  new Failure('usage', 'param.invalid', `${name} must be ${wanted}, not ${displayed(value)}`);

function unknown(name: string, names: readonly string[]): Failure {
  const near = nearest(name, names);
  return new Failure('usage', 'param.unknown', unknownName('parameter', name, names), {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

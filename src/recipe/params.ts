import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import { displayed } from '../domain/schema-problems.js';
import type { Param, Params } from './recipe.js';

/** The value of every parameter by name; undefined where it was neither given nor has a default. */
export type ParamValues = ReadonlyMap<string, string | number | boolean | undefined>;

export const defaultsOf = (params: Params): ParamValues =>
  new Map([...params].map(([name, param]) => [name, param.default]));

/**
 * The defaults, and over them what was given; text is read as the parameter's type. Throws failures of kind `usage`:
 * `param.unknown`, `param.invalid`.
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
  new Failure('usage', 'param.invalid', `${name}: ${displayed(value)} is not ${wanted}`);

function unknown(name: string, names: readonly string[]): Failure {
  const near = nearest(name, names);
  const all = names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`;
  return new Failure('usage', 'param.unknown', `the recipe has no parameter "${name}"`, {
    hint: near === undefined ? all : `Did you mean "${near}"?`,
  });
}

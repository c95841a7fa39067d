import { Failure } from '../domain/failure.js';
import type { Path } from '../domain/source.js';
import {
  type Placeholder,
  parseTemplate,
  placeholders,
  placeholderText,
  solePlaceholder,
  type Template,
} from './template.js';

/** Returns the value of a placeholder, undefined if it is not set. */
export type ResolvePlaceholder = (placeholder: Placeholder) => unknown;

/**
 * Fills the placeholders of a value. A text that is only a placeholder becomes its value and keeps the type; undefined
 * keys and items are dropped. Throws `param.missing` for an unset placeholder in a text; if `optional`, returns undefined.
 */
export function fill(
  value: unknown,
  resolve: ResolvePlaceholder,
  missing: 'refused' | 'optional' = 'refused',
): unknown {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return value;
    const template = parseTemplate(value);
    const sole = solePlaceholder(template);
    if (sole !== undefined) return resolve(sole);
    const absent =
      missing === 'optional' && placeholders(template).some((part) => resolve(part) === undefined);
    return absent ? undefined : fillText(template, resolve);
  }
  if (Array.isArray(value))
    return value.map((item) => fill(item, resolve, missing)).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, fill(item, resolve, missing)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** Fills the placeholders of a text. Throws `param.missing` for an unset one. */
export function fillText(template: Template, resolve: ResolvePlaceholder): string {
  return template.parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = resolve(part);
      if (value !== undefined) return String(value);
      throw new Failure('usage', 'param.missing', `${placeholderText(part)} is not set`, {
        hint:
          part.fields.length === 0
            ? `pass --set ${part.name}=…`
            : `set ${part.fields.join('.')} of the ${part.name}`,
      });
    })
    .join('');
}

/** Returns the paths of all receipt references in an input. */
export function referencesIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('$from' in value) return [path];
  return Object.entries(value).flatMap(([key, item]) =>
    referencesIn(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

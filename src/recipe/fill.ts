import { Failure } from '../domain/failure.js';
import type { Path } from '../domain/source.js';
import { only, type Placeholder, parseTemplate, placeholders, type Template, written } from './template.js';

/** What a placeholder stands for; undefined when nothing is set. */
export type Fill = (placeholder: Placeholder) => unknown;

/**
 * A value with its placeholders filled in: a text that is one placeholder takes its value, type and all. Keys and items that come out
 * undefined are left out. A text with a placeholder that stands for nothing is a failure `param.missing`; if `optional`, undefined.
 */
export function fill(value: unknown, look: Fill, missing: 'refused' | 'optional' = 'refused'): unknown {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return value;
    const template = parseTemplate(value);
    const alone = only(template);
    if (alone !== undefined) return look(alone);
    const absent = missing === 'optional' && placeholders(template).some((part) => look(part) === undefined);
    return absent ? undefined : fillText(template, look);
  }
  if (Array.isArray(value))
    return value.map((item) => fill(item, look, missing)).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, fill(item, look, missing)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** The text with its placeholders filled in. Throws `param.missing` when one stands for nothing. */
export function fillText(template: Template, look: Fill): string {
  return template.parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = look(part);
      if (value !== undefined) return String(value);
      throw new Failure('usage', 'param.missing', `${written(part)} is not set`, {
        hint:
          part.fields.length === 0
            ? `Set it: --set ${part.name}=…`
            : `Set ${part.fields.join('.')} of the ${part.name}.`,
      });
    })
    .join('');
}

/** The paths of all references to receipts in an input. */
export function referencesIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('$from' in value) return [path];
  return Object.entries(value).flatMap(([key, item]) =>
    referencesIn(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

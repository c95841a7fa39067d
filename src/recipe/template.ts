import type { Path } from '../domain/source.js';

/** `{{ rollout.release }}`: a name and its fields. */
export interface Placeholder {
  readonly name: string;
  readonly fields: readonly string[];
  /** Character offset in the text. */
  readonly offset: number;
}

/** A syntax error in a template. */
export interface TemplateError {
  readonly offset: number;
  readonly message: string;
}

/** A parsed text with placeholders; `\{{` is a literal `{{`. */
export interface Template {
  readonly parts: readonly (string | Placeholder)[];
  readonly faults: readonly TemplateError[];
}

const reference = /^[A-Za-z][\w-]*(\.[\w-]+)*$/;

/** Parses a template in linear time. */
export function parseTemplate(text: string): Template {
  const parts: (string | Placeholder)[] = [];
  const faults: TemplateError[] = [];
  let literal = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf('{{', at);
    if (open < 0) break;
    if (text[open - 1] === '\\' && open > at) {
      literal += `${text.slice(at, open - 1)}{{`;
      at = open + 2;
      continue;
    }
    const close = text.indexOf('}}', open);
    const inside = text.slice(open + 2, close < 0 ? undefined : close).trim();
    if (close < 0 || !reference.test(inside)) {
      faults.push({ offset: open, message: close < 0 ? 'unclosed "{{"' : notAName(inside) });
      if (close < 0) break;
    } else {
      const [name = '', ...fields] = inside.split('.');
      parts.push(literal + text.slice(at, open), { name, fields, offset: open });
      literal = '';
    }
    at = close + 2;
  }
  const end = literal + text.slice(at);
  return { parts: [...parts, end].filter((part) => part !== ''), faults };
}

const notAName = (inside: string) =>
  `"${inside.slice(0, 40)}" must be a name such as service.name; write \\{{ for literal braces`;

/** Returns the placeholder if the text is nothing else: its value keeps its type. */
export function solePlaceholder(template: Template): Placeholder | undefined {
  const [part, ...rest] = template.parts;
  return typeof part === 'object' && rest.length === 0 ? part : undefined;
}

export const placeholders = (template: Template): readonly Placeholder[] =>
  template.parts.filter((part) => typeof part === 'object');

/** Formats a placeholder as in a recipe. */
export const placeholderText = ({ name, fields }: Placeholder) => `{{ ${[name, ...fields].join('.')} }}`;

/** Yields every template in a value, with its path. */
export function* templatesIn(value: unknown, path: Path = []): Generator<{ path: Path; template: Template }> {
  if (typeof value === 'string') {
    if (value.includes('{{')) yield { path, template: parseTemplate(value) };
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value))
      yield* templatesIn(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

import type { Path } from '../domain/source.js';

/** `{{ rollout.release }}`: a name and the fields below it. */
export interface Placeholder {
  readonly name: string;
  readonly fields: readonly string[];
  /** Where it starts, in characters from the start of the text. */
  readonly offset: number;
}

/** Something wrong in a text with placeholders. */
export interface TemplateFault {
  readonly offset: number;
  readonly message: string;
}

/** A text with its placeholders taken apart. `\{{` stands for braces that are meant as they are. */
export interface Template {
  readonly parts: readonly (string | Placeholder)[];
  readonly faults: readonly TemplateFault[];
}

const reference = /^[A-Za-z][\w-]*(\.[\w-]+)*$/;

/** Takes a text apart; in time linear in its length. */
export function parseTemplate(text: string): Template {
  const parts: (string | Placeholder)[] = [];
  const faults: TemplateFault[] = [];
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
      faults.push({ offset: open, message: close < 0 ? '"{{" without "}}"' : notAName(inside) });
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
  `"${inside.slice(0, 40)}" is not a name such as service.name: there are no expressions, and braces that stay are written \\{{`;

/** The placeholder that a text consists of, if it is nothing else: its value keeps its type. */
export function only(template: Template): Placeholder | undefined {
  const [part, ...rest] = template.parts;
  return typeof part === 'object' && rest.length === 0 ? part : undefined;
}

export const placeholders = (template: Template): readonly Placeholder[] =>
  template.parts.filter((part) => typeof part === 'object');

/** As it is written in a recipe. */
export const written = ({ name, fields }: Placeholder) => `{{ ${[name, ...fields].join('.')} }}`;

/** Every text in a value that has braces in it, with its path. */
export function* templatesIn(value: unknown, path: Path = []): Generator<{ path: Path; template: Template }> {
  if (typeof value === 'string') {
    if (value.includes('{{')) yield { path, template: parseTemplate(value) };
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value))
      yield* templatesIn(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

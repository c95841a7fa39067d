import { ParseError } from './parsers.js';

/** Variables of the caller's environment. */
export type Variables = Readonly<Record<string, string | undefined>>;

const reference = /\$\$|\$\{([^}]{0,1000})\}|\$\{/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^${]*))?$/;

/**
 * Puts in variables: `${NAME}`, `${NAME:-default}` (also for an empty one), `$$` for a dollar sign. Any other `$` stays.
 * What comes out is text and never looked at again. Throws a {@link ParseError} for an unset variable.
 */
export function interpolate(text: string, variables: Variables): string {
  return replaceReferences(text, (name, fallback) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined)
      throw new ParseError(
        `the environment variable ${name} is not set: set it, or write \${${name}:-default}`,
      );
    return value;
  });
}

/** Throws a {@link ParseError} when the text has a `${` that cannot be read; looks at no variable. */
export function checkReferences(text: string): void {
  replaceReferences(text, () => '');
}

function replaceReferences(text: string, substitute: (name: string, fallback?: string) => string): string {
  return text.replace(reference, (found: string, content?: string) => {
    if (found === '$$') return '$';
    const match = content === undefined ? null : inside.exec(content);
    if (match?.[1] === undefined)
      throw new ParseError('a variable is written ${NAME} or ${NAME:-default}; a dollar sign is $$');
    return substitute(match[1], match[2]);
  });
}

import { ParseError } from './parsers.js';

/** Variables of the caller's environment. */
export type Variables = Readonly<Record<string, string | undefined>>;

const reference = /\$\$|\$\{([^}]{0,1000})\}|\$\{/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^${]*))?$/;

/**
 * Replaces `${NAME}`, `${NAME:-default}` (also if empty) and `$$` (a dollar sign). Any other `$` stays, and values are
 * not interpolated again. Throws a {@link ParseError} for an unset variable.
 */
export function interpolate(text: string, variables: Variables): string {
  return replaceReferences(text, (name, fallback) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined)
      throw new ParseError(`environment variable ${name} is not set: set it, or use \${${name}:-default}`);
    return value;
  });
}

/** Checks the syntax of the references without reading any variable. Throws a {@link ParseError}. */
export function checkReferences(text: string): void {
  replaceReferences(text, () => '');
}

function replaceReferences(text: string, substitute: (name: string, fallback?: string) => string): string {
  return text.replace(reference, (found: string, content?: string) => {
    if (found === '$$') return '$';
    const match = content === undefined ? null : inside.exec(content);
    if (match?.[1] === undefined)
      throw new ParseError('invalid variable: use ${NAME} or ${NAME:-default}, or $$ for a dollar sign');
    return substitute(match[1], match[2]);
  });
}

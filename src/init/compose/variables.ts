/** A converted text, with warnings about variables that work differently in `oneclick.yml`. */
export interface ConvertedText {
  readonly text: string;

  readonly warnings: readonly string[];
}

/** A default, which may contain braces. */
const fallback = '(?:[^{}]|\\{[^{}]*\\})*';
const reference = new RegExp(
  `\\$\\$|\\$\\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(${fallback}))?\\}|\\$([A-Za-z_][A-Za-z0-9_]*)`,
  'g',
);

/**
 * Converts variables to the syntax of `oneclick.yml` (https://docs.docker.com/reference/compose-file/interpolation/).
 * An unset variable is empty in compose and an error here, so it gets an empty default.
 */
export function convertVariables(text: string): ConvertedText {
  const warnings: string[] = [];
  const translated = text.replace(
    reference,
    (found: string, braced?: string, operator?: string, word = '', bareName?: string) => {
      const name = braced ?? bareName;
      if (name === undefined) return found;
      if (operator?.endsWith('?')) return `\${${name}}`;
      if (operator?.endsWith('+')) {
        warnings.push(`\${${name}${operator}…} is not supported: write the value`);
        return '';
      }
      if (operator === '-') warnings.push(`the default also replaces an empty ${name}`);
      return `\${${name}:-${operator === undefined ? '' : flattenDefault(word, name, warnings)}}`;
    },
  );
  return { text: translated, warnings };
}

/** Fills in variables inside a default, which `oneclick.yml` does not support. */
function flattenDefault(word: string, name: string, warnings: string[]): string {
  if (!/[${}]/.test(word)) return word;
  warnings.push(`the default of ${name} is fixed: variables in defaults are not supported`);
  return fillDefaults(word).text.replace(/[${}]/g, '');
}

/** Replaces variables by their defaults, for keys without interpolation; warns if there is no default. */
export function fillDefaults(text: string, depth = 3): ConvertedText {
  const warnings: string[] = [];
  const translated = text.replace(
    reference,
    (found: string, braced?: string, operator?: string, word = '', bareName?: string) => {
      if (found === '$$') return '$';
      const name = braced ?? bareName ?? '';
      if (operator?.endsWith('-')) {
        warnings.push(`${name} is not supported here: its default is used`);
        return depth > 0 ? fillDefaults(word, depth - 1).text : word;
      }
      warnings.push(`${name} is not supported here and has no default: write the value`);
      return '';
    },
  );
  return { text: translated, warnings };
}

/** Returns the names of the variables in a text. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].flatMap(([, braced, , , bareName]) => braced ?? bareName ?? []);
}

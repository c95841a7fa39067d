/** What of compose's notation of variables means something else in `oneclick.yml`; said of the text as a whole. */
export interface Translated {
  readonly text: string;
  /** What is not the same any more. */
  readonly warnings: readonly string[];
}

/** A default in which braces may stand. */
const fallback = '(?:[^{}]|\\{[^{}]*\\})*';
const reference = new RegExp(
  `\\$\\$|\\$\\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(${fallback}))?\\}|\\$([A-Za-z_][A-Za-z0-9_]*)`,
  'g',
);

/**
 * A text of a compose file as `oneclick.yml` writes it where variables are replaced
 * (https://docs.docker.com/reference/compose-file/interpolation/): an unset variable is empty there and a mistake here.
 */
export function translate(text: string): Translated {
  const warnings: string[] = [];
  const translated = text.replace(
    reference,
    (found: string, braced?: string, operator?: string, word = '', bareName?: string) => {
      const name = braced ?? bareName;
      if (name === undefined) return found;
      if (operator?.endsWith('?')) return `\${${name}}`;
      if (operator?.endsWith('+')) {
        warnings.push(`\${${name}${operator}…} has no equal: write the value`);
        return '';
      }
      if (operator === '-') warnings.push(`an empty ${name} becomes the default too`);
      return `\${${name}:-${operator === undefined ? '' : flat(word, name, warnings)}}`;
    },
  );
  return { text: translated, warnings };
}

/** A default without variables: they are not looked at in one here. */
function flat(word: string, name: string, warnings: string[]): string {
  if (!/[${}]/.test(word)) return word;
  warnings.push(`the default of ${name} is fixed: variables in defaults are not replaced`);
  return fixed(word).text.replace(/[${}]/g, '');
}

/** The same where nothing is replaced: the defaults are written down. Unset variables without one are warned of. */
export function fixed(text: string, depth = 3): Translated {
  const warnings: string[] = [];
  const translated = text.replace(
    reference,
    (found: string, braced?: string, operator?: string, word = '', bareName?: string) => {
      if (found === '$$') return '$';
      const name = braced ?? bareName ?? '';
      if (operator?.endsWith('-')) {
        warnings.push(`${name} is not replaced here: its default is written`);
        return depth > 0 ? fixed(word, depth - 1).text : word;
      }
      warnings.push(`${name} is not replaced here, and has no default: write the value`);
      return '';
    },
  );
  return { text: translated, warnings };
}

/** The names of the variables in a text. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].flatMap(([, braced, , , bareName]) => braced ?? bareName ?? []);
}

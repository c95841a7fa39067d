import { invalid, type Problem } from '../domain/problem.js';

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*)$/;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Parses an environment file of `NAME=value` or `export NAME=value` lines. `'…'` is literal; `"…"` supports the escapes
 * `\n \r \t \" \\ \$`; both may span lines. An unquoted value ends at ` #` or the line end. `$` is not interpolated and the
 * last assignment wins. Throws a usage failure `config.invalid` that contains no values.
 */
export function readEnvFile(file: string, text: string): ReadonlyMap<string, string> {
  return new Map([...parse(file, text)].map(([name, { value }]) => [name, value]));
}

/**
 * Returns the names whose values docker compose would change by replacing variables: `${X}` anywhere, `$X` only if the file
 * assigns X, because passwords contain `$`. Throws as {@link readEnvFile}.
 */
export function namesWithVariables(file: string, text: string): readonly string[] {
  const assigned = parse(file, text);
  const isReplaced = (open: string) =>
    /\$\{[A-Za-z_]/.test(open) ||
    [...open.matchAll(/\$([A-Za-z_][A-Za-z0-9_]*)/g)].some(([, name = '']) => assigned.has(name));
  return [...assigned].filter(([, { open }]) => isReplaced(open)).map(([name]) => name);
}

interface Assigned {
  readonly value: string;
  /** The parts of the value in which docker compose replaces variables. */
  readonly open: string;
}

function parse(file: string, text: string): ReadonlyMap<string, Assigned> {
  const values = new Map<string, Assigned>();
  const problems: Problem[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let row = 0; row < lines.length; row++) {
    const line = lines[row] ?? '';
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const report = (message: string) => problems.push({ file, line: row + 1, column: 1, text: '', message });
    const [, name = '', rest = ''] = assignment.exec(line) ?? [];
    if (name === '') {
      report('expected NAME=value');
      continue;
    }
    if (!/^['"]/.test(rest)) {
      const value = rest.replace(/(?:^|\s+)#.*$/, '').trim();
      values.set(name, { value, open: value });
      continue;
    }
    const quoted = readQuoted(rest, lines, row);
    if (quoted === undefined) report(`${name} has an unclosed quote`);
    else if (!/^\s*(?:#.*)?$/.test(quoted.after))
      report(`unexpected text after the closing quote of ${name}`);
    else values.set(name, quoted);
    row = quoted?.row ?? row;
  }
  if (problems.length > 0) throw invalid(problems);
  return values;
}

function readQuoted(
  start: string,
  lines: readonly string[],
  first: number,
): (Assigned & { after: string; row: number }) | undefined {
  const quote = start.charAt(0);
  let value = '';
  let open = '';
  for (let row = first, text = start.slice(1); ; text = lines[++row] ?? '') {
    for (let at = 0; at < text.length; at++) {
      const char = text.charAt(at);
      if (char === quote) return { value, open, after: text.slice(at + 1), row };
      const escaped = quote === '"' && char === '\\' ? text.charAt(at + 1) : '';
      if (/["\\$nrt]/.test(escaped)) {
        value += escapes[escaped] ?? escaped;
        at++;
        open += ' ';
      } else {
        value += char;
        if (quote === '"') open += char;
      }
    }
    if (row + 1 >= lines.length) return undefined;
    value += '\n';
  }
}

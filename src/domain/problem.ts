import { Failure } from './failure.js';

/** Something wrong in a text that a person wrote, and where. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line of the source. */
  readonly text: string;
  readonly message: string;
  /** The word that was probably meant. */
  readonly suggestion?: string;
}

/** How many problems a failure shows; more help nobody. */
const most = 50;
/** Columns of a source line that are shown. */
const width = 100;

/** Without what could move a terminal's cursor or colour; a tab is one column. */
const printable = (text: string) => text.replace(/\t/g, ' ').replace(/\p{C}/gu, '\ufffd');

/** `file:line:column: message`, the source line, and a caret under the place. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, suggestion } = problem;
  const message =
    suggestion === undefined ? problem.message : `${problem.message} - did you mean "${suggestion}"?`;
  const head = `${file}:${line}:${column}: ${printable(message)}`;
  const start = Math.max(0, Math.min(column - 1 - width / 2, problem.text.length - width));
  const text = printable(problem.text.slice(start, start + width));
  const gutter = ' '.repeat(String(line).length);
  return `${head}\n  ${line} | ${text}\n  ${gutter} | ${' '.repeat(Math.max(0, column - 1 - start))}^`;
}

/** Problems in the order of the text, each place and message once. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(problems.map((p) => [`${p.file}:${p.line}:${p.column}:${p.message}`, p]));
  return [...unique.values()].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}

/** A failure of kind `usage` with all these problems: formatted as its evidence, and as they are. */
export class InvalidText extends Failure {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], code: string) {
    const all = inOrder(problems);
    const files = [...new Set(all.map((problem) => problem.file))].join(', ');
    const shown = all.slice(0, most).flatMap((problem) => formatProblem(problem).split('\n'));
    const evidence = all.length > most ? [...shown, `… and ${all.length - most} more`] : shown;
    super('usage', code, `${all.length} ${all.length === 1 ? 'problem' : 'problems'} in ${files}`, {
      evidence,
    });
    this.problems = all;
  }
}

/** The failure that says all these problems, in the order of the text. */
export const invalid = (problems: readonly Problem[], code = 'config.invalid') =>
  new InvalidText(problems, code);

import { Failure } from './failure.js';

/** A problem in a user's file and its place. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The source line. */
  readonly text: string;
  readonly message: string;
  /** The word that the user probably meant. */
  readonly suggestion?: string;
}

/** The most problems that a failure shows. */
const most = 50;
/** The most columns shown of a source line. */
const width = 100;

/** Control characters could drive the terminal; a tab would shift the caret. */
const printable = (text: string) => text.replace(/\t/g, ' ').replace(/\p{C}/gu, '\ufffd');

/** Formats a problem as `file:line:column: message`, the source line and a caret. */
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

/** Sorts problems by place and removes duplicates. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(problems.map((p) => [`${p.file}:${p.line}:${p.column}:${p.message}`, p]));
  return [...unique.values()].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}

/** A usage failure with all problems of a file. They are also formatted as its evidence. */
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

/** Returns the failure for these problems, sorted by place. */
export const invalid = (problems: readonly Problem[], code = 'config.invalid') =>
  new InvalidText(problems, code);

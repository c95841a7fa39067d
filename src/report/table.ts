import type { Page } from './style.js';
import { cut, oneLine, pad, width, wrap } from './text.js';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  /** How cells shrink on a narrow page; without it the column keeps its width. */
  readonly narrow?: 'cut' | 'wrap';
  /** Styles a cell; the text alone must carry the meaning. */
  readonly style?: (text: string, row: Row) => string;
}

const separator = '  ';
const minWidth = 8;

/** Returns aligned rows under their titles. Shrinks columns with `narrow` to fit the page. Ends with a newline. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], page: Page): string {
  const cells = rows.map((row) =>
    columns.map((column) => (column.narrow === 'wrap' ? column.value(row) : oneLine(column.value(row)))),
  );
  const widths = shrink(
    columns.map((column, index) => naturalWidth([column.title, ...cells.map((row) => row[index] ?? '')])),
    columns,
    page.columns,
  );
  const head = line(
    columns.map((column, index) => page.style.faint(padCell(column.title, column, widths[index] ?? 0))),
  );
  const body = cells.flatMap((row, rowIndex) => {
    const lines = row.map((cell, index) => cellLines(cell, columns[index]?.narrow, widths[index] ?? 0));
    const height = Math.max(1, ...lines.map((parts) => parts.length));
    return Array.from({ length: height }, (_, number) =>
      line(
        columns.map((column, index) => {
          const text = padCell(lines[index]?.[number] ?? '', column, widths[index] ?? 0);
          const record = rows[rowIndex];
          return column.style === undefined || record === undefined ? text : column.style(text, record);
        }),
      ),
    );
  });
  return [head, ...body].map((text) => `${text}\n`).join('');
}

const naturalWidth = (texts: readonly string[]) =>
  Math.max(...texts.flatMap((text) => text.split('\n')).map((text) => width(text)));

const line = (cells: readonly string[]) => cells.join(separator).trimEnd();

const padCell = <Row>(text: string, column: Column<Row>, columns: number) => pad(text, columns, column.align);

function cellLines(text: string, narrow: 'cut' | 'wrap' | undefined, columns: number): string[] {
  if (narrow === 'wrap') return wrap(text, columns);
  return [narrow === 'cut' ? cut(text, columns) : text];
}

/** Shrinks the widest shrinkable column until the table fits the page. */
function shrink<Row>(widths: number[], columns: readonly Column<Row>[], page: number): number[] {
  const result = [...widths];
  const room = page - separator.length * (columns.length - 1);
  const sum = () => result.reduce((total, value) => total + value, 0);
  while (sum() > room) {
    const widest = result.reduce(
      (best, value, index) =>
        columns[index]?.narrow !== undefined && value > minWidth && value > (result[best] ?? 0)
          ? index
          : best,
      -1,
    );
    if (widest < 0) break;
    result[widest] = (result[widest] ?? 0) - 1;
  }
  return result;
}

import type { Page } from './style.js';
import { cut, oneLine, pad, width, wrap } from './text.js';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  /** What a cell does where the page is too narrow; without it the column keeps its width. */
  readonly narrow?: 'cut' | 'wrap';
  /** Marks a cell; the words alone must say it too. */
  readonly style?: (text: string, row: Row) => string;
}

const gap = '  ';
const narrowest = 8;

/** Rows under their titles, aligned and no wider than the page as far as columns may be narrowed; ends with a newline. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], page: Page): string {
  const cells = rows.map((row) =>
    columns.map((column) => (column.narrow === 'wrap' ? column.value(row) : oneLine(column.value(row)))),
  );
  const widths = shrink(
    columns.map((column, index) => natural([column.title, ...cells.map((row) => row[index] ?? '')])),
    columns,
    page.columns,
  );
  const head = line(
    columns.map((column, index) => page.style.faint(placed(column.title, column, widths[index] ?? 0))),
  );
  const body = cells.flatMap((row, at) => {
    const lines = row.map((cell, index) => cellLines(cell, columns[index]?.narrow, widths[index] ?? 0));
    const height = Math.max(1, ...lines.map((parts) => parts.length));
    return Array.from({ length: height }, (_, number) =>
      line(
        columns.map((column, index) => {
          const text = placed(lines[index]?.[number] ?? '', column, widths[index] ?? 0);
          const record = rows[at];
          return column.style === undefined || record === undefined ? text : column.style(text, record);
        }),
      ),
    );
  });
  return [head, ...body].map((text) => `${text}\n`).join('');
}

const natural = (texts: readonly string[]) =>
  Math.max(...texts.flatMap((text) => text.split('\n')).map((text) => width(text)));

const line = (cells: readonly string[]) => cells.join(gap).trimEnd();

const placed = <Row>(text: string, column: Column<Row>, columns: number) => pad(text, columns, column.align);

function cellLines(text: string, narrow: 'cut' | 'wrap' | undefined, columns: number): string[] {
  if (narrow === 'wrap') return wrap(text, columns);
  return [narrow === 'cut' ? cut(text, columns) : text];
}

/** Takes columns from the widest of those that may be narrowed until the page holds them all. */
function shrink<Row>(widths: number[], columns: readonly Column<Row>[], page: number): number[] {
  const result = [...widths];
  const room = page - gap.length * (columns.length - 1);
  const sum = () => result.reduce((total, value) => total + value, 0);
  while (sum() > room) {
    const widest = result.reduce(
      (best, value, index) =>
        columns[index]?.narrow !== undefined && value > narrowest && value > (result[best] ?? 0)
          ? index
          : best,
      -1,
    );
    if (widest < 0) break;
    result[widest] = (result[widest] ?? 0) - 1;
  }
  return result;
}

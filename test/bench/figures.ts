import { type Pair, ratios, type Spread, spread } from './statistics.js';

/** One line of the report: what was measured, and what is asked for. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: Spread;
  readonly theirs?: Spread;
  /** Ours over theirs, of pairs. */
  readonly ratio?: Spread;
  readonly asked?: Asked;
}

/** The most that the median may be: of the ratio, or of ours. */
export interface Asked {
  readonly of: 'ratio' | 'ours';
  readonly most: number;
}

/** A figure of a contest. */
export function contest(name: string, unit: string, pairs: readonly Pair[], asked?: Asked): Figure {
  const ours = spread(pairs.map((pair) => pair.ours));
  const theirs = spread(pairs.map((pair) => pair.theirs));
  const ratio = pairs.some((pair) => pair.theirs === 0) ? {} : { ratio: ratios(pairs) };
  return { name, unit, ours, theirs, ...ratio, ...(asked === undefined ? {} : { asked }) };
}

/** A figure without an opponent. */
export function alone(name: string, unit: string, values: readonly number[], most?: number): Figure {
  return { name, unit, ours: spread(values), ...(most === undefined ? {} : { asked: { of: 'ours', most } }) };
}

/** Whether it is as asked for; undefined where nothing is asked. */
export function isKept({ asked, ours, ratio }: Figure): boolean | undefined {
  if (asked === undefined) return undefined;
  const measured = asked.of === 'ours' ? ours : ratio;
  return measured !== undefined && measured.median <= asked.most;
}

const heads = ['', 'runs', 'ours', 'against', 'ratio', 'asked', ''];

/** All figures as one table: medians, with the least and the most in brackets. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, unit, ours, theirs, ratio, asked } = figure;
    const limit = asked === undefined ? '' : `≤ ${asked.most}${asked.of === 'ratio' ? 'x' : ` ${unit}`}`;
    const kept = isKept(figure);
    return [
      name,
      String(ours.count),
      `${text(ours)} ${unit}`,
      theirs === undefined ? '' : `${text(theirs)} ${unit}`,
      ratio === undefined ? '' : `${text(ratio, 2)}x`,
      limit,
      kept === undefined ? '' : kept ? '✓' : '✗',
    ];
  });
  const lines = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function text({ median, least, most }: Spread, digits?: number): string {
  const say = (value: number) => value.toFixed(digits ?? (value < 10 && !Number.isInteger(value) ? 1 : 0));
  return least === most ? say(median) : `${say(median)} (${say(least)}–${say(most)})`;
}

import { type Pair, ratios, type Spread, spread } from './statistics.js';

/** One line of the report: what was measured, and what is asked for. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: Spread;
  readonly theirs?: Spread;
  /** Ours over theirs, of pairs. */
  readonly ratio?: Spread;
  readonly target?: Target;
}

/** The most that the median may be: of the ratio, or of ours. */
export interface Target {
  readonly of: 'ratio' | 'ours';
  readonly most: number;
}

/** A figure of a contest. */
export function comparison(name: string, unit: string, pairs: readonly Pair[], target?: Target): Figure {
  const ours = spread(pairs.map((pair) => pair.ours));
  const theirs = spread(pairs.map((pair) => pair.theirs));
  const ratio = pairs.some((pair) => pair.theirs === 0) ? {} : { ratio: ratios(pairs) };
  return { name, unit, ours, theirs, ...ratio, ...(target === undefined ? {} : { target: target }) };
}

/** A figure without an opponent. */
export function single(name: string, unit: string, values: readonly number[], most?: number): Figure {
  return {
    name,
    unit,
    ours: spread(values),
    ...(most === undefined ? {} : { target: { of: 'ours', most } }),
  };
}

/** Whether it is as asked for; undefined where nothing is asked. */
export function meetsTarget({ target, ours, ratio }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  const measured = target.of === 'ours' ? ours : ratio;
  return measured !== undefined && measured.median <= target.most;
}

const heads = ['', 'runs', 'ours', 'against', 'ratio', 'asked', ''];

/** All figures as one table: medians, with the least and the most in brackets. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, unit, ours, theirs, ratio, target } = figure;
    const limit = target === undefined ? '' : `≤ ${target.most}${target.of === 'ratio' ? 'x' : ` ${unit}`}`;
    const isMet = meetsTarget(figure);
    return [
      name,
      String(ours.count),
      `${formatSpread(ours)} ${unit}`,
      theirs === undefined ? '' : `${formatSpread(theirs)} ${unit}`,
      ratio === undefined ? '' : `${formatSpread(ratio, 2)}x`,
      limit,
      isMet === undefined ? '' : isMet ? '✓' : '✗',
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

function formatSpread({ median, least, most }: Spread, digits?: number): string {
  const format = (value: number) => value.toFixed(digits ?? (value < 10 && !Number.isInteger(value) ? 1 : 0));
  return least === most ? format(median) : `${format(median)} (${format(least)}–${format(most)})`;
}

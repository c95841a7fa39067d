/** Median, minimum and maximum of repeated measurements. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** Returns the spread; throws a RangeError without values. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || least === undefined || most === undefined)
    throw new RangeError('no values were measured');
  return { median: (low + high) / 2, least, most, count: sorted.length };
}

/** Both contestants, measured right after each other. */
export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/** Ours divided by theirs, pair by pair, because other load affects both measurements of a pair. */
export function ratios(pairs: readonly Pair[]): Spread {
  return spread(pairs.map(({ ours, theirs }) => ours / theirs));
}

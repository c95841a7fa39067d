/** What repeated measurements say. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** The spread of at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || least === undefined || most === undefined)
    throw new RangeError('nothing was measured');
  return { median: (low + high) / 2, least, most, count: sorted.length };
}

/** Two contestants, measured one right after the other. */
export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/** How many times theirs ours is, pair by pair: what the machine does meanwhile hits both halves of a pair alike. */
export function ratios(pairs: readonly Pair[]): Spread {
  return spread(pairs.map(({ ours, theirs }) => ours / theirs));
}

/** How many instances change at a time: a count or a share. */
export type Batch = { readonly count: number } | { readonly share: number };

/** Parses `3`, `25%` or `all`; undefined if invalid. */
export function parseBatch(text: string | number): Batch | undefined {
  const word = String(text).trim();
  if (word === 'all') return { share: 1 };
  const [, digits, percent] = /^(\d{1,6})(%?)$/.exec(word) ?? [];
  const number = Number(digits);
  if (digits === undefined || number < 1) return undefined;
  if (percent === '') return { count: number };
  return number <= 100 ? { share: number / 100 } : undefined;
}

/** Splits instances into batches in order; a share is rounded down to at least one. */
export function batches<T>(instances: readonly T[], batch: Batch): readonly (readonly T[])[] {
  const size = Math.max(1, 'count' in batch ? batch.count : Math.floor(instances.length * batch.share));
  const groups: T[][] = [];
  for (let start = 0; start < instances.length; start += size)
    groups.push(instances.slice(start, start + size));
  return groups;
}

/** Whether merging goes into the value: a map, not a list or a single value. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What `over` says, and `base` where it says nothing. Maps are merged key by key at every depth, lists and single
 * values are replaced, `null` removes. Neither argument is changed.
 */
export function merge<T>(base: T, over: unknown): T;
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return isMap(base) ? merge({}, base) : base;
  if (!isMap(over)) return over;
  const merged = new Map(Object.entries(isMap(base) ? base : {}));
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    merged.set(key, merge(merged.get(key), value));
  }
  return Object.fromEntries([...merged].filter(([, value]) => value !== null));
}

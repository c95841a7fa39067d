/** Whether the value is a map, not a list or a scalar. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Merges `over` into a copy of `base`: maps at every depth, lists and scalars replaced, `null` removes the key. */
export function merge<T>(base: T, over: unknown): T;
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return isMap(base) ? merge(base, {}) : base;
  if (!isMap(over)) return over;
  const below = isMap(base) ? base : {};
  const own = (map: Readonly<Record<string, unknown>>, key: string) =>
    Object.hasOwn(map, key) ? map[key] : undefined;
  const keys = new Set([...Object.keys(below), ...Object.keys(over)]);
  const merged = [...keys].map((key) => [key, merge(own(below, key), own(over, key))] as const);
  return Object.fromEntries(merged.filter(([, value]) => value !== null && value !== undefined));
}

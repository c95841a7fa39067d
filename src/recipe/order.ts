/** An order in which everything comes after what it needs, or a circle that makes that impossible. */
export type Order = { readonly order: readonly string[] } | { readonly circle: readonly string[] };

/** Orders the keys of `needs`, as they stand where they are free to; needs that are no keys do not count. */
export function orderByNeeds(needs: ReadonlyMap<string, readonly string[]>): Order {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (key: string, way: readonly string[]): readonly string[] | undefined => {
    if (done.has(key)) return undefined;
    if (way.includes(key)) return [...way.slice(way.indexOf(key)), key];
    for (const need of needs.get(key) ?? []) {
      const circle = needs.has(need) ? visit(need, [...way, key]) : undefined;
      if (circle !== undefined) return circle;
    }
    done.add(key);
    order.push(key);
    return undefined;
  };
  for (const key of needs.keys()) {
    const circle = visit(key, []);
    if (circle !== undefined) return { circle };
  }
  return { order };
}

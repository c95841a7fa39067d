/** A topological order, or a cycle. */
export type Order = { readonly order: readonly string[] } | { readonly cycle: readonly string[] };

/** Sorts the keys of `needs` topologically and otherwise keeps their order. Ignores needs that are not keys. */
export function orderByNeeds(needs: ReadonlyMap<string, readonly string[]>): Order {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (key: string, chain: readonly string[]): readonly string[] | undefined => {
    if (done.has(key)) return undefined;
    if (chain.includes(key)) return [...chain.slice(chain.indexOf(key)), key];
    for (const need of needs.get(key) ?? []) {
      const cycle = needs.has(need) ? visit(need, [...chain, key]) : undefined;
      if (cycle !== undefined) return cycle;
    }
    done.add(key);
    order.push(key);
    return undefined;
  };
  for (const key of needs.keys()) {
    const cycle = visit(key, []);
    if (cycle !== undefined) return { cycle };
  }
  return { order };
}

/** Where a setting can be said, the strongest first. */
const origins = ['flag', 'variable', 'project', 'user'] as const;
export type Origin = (typeof origins)[number];

/** What each of them says of one setting; nothing where it is left open. */
export type SettingSources<Value> = { readonly [Each in Origin]?: Value | undefined };

/** What counts, and who said it; the one place where that is decided. Undefined when nobody said anything. */
export function resolveSetting<Value>(
  sources: SettingSources<Value>,
): { readonly value: Value; readonly origin: Origin } | undefined {
  for (const origin of origins) {
    const value = sources[origin];
    if (value !== undefined) return { value, origin };
  }
  return undefined;
}

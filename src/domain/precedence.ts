/** The sources of a setting, highest precedence first. */
const origins = ['flag', 'variable', 'project', 'user'] as const;
export type Origin = (typeof origins)[number];

/** The values of one setting, by source. */
export type SettingSources<Value> = { readonly [Each in Origin]?: Value | undefined };

/** Returns the value with the highest precedence and its source, or undefined if no source sets it. */
export function resolveSetting<Value>(
  sources: SettingSources<Value>,
): { readonly value: Value; readonly origin: Origin } | undefined {
  for (const origin of origins) {
    const value = sources[origin];
    if (value !== undefined) return { value, origin };
  }
  return undefined;
}

/** Only the keys that have a value: without those that are undefined or null. */
export function given<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], null | undefined> } {
  const entries = Object.entries(value).filter(([, held]) => held !== null && held !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], null | undefined> };
}

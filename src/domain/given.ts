/** Removes the keys whose value is undefined or null. */
export function given<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], null | undefined> } {
  const entries = Object.entries(value).filter(([, held]) => held !== null && held !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], null | undefined> };
}

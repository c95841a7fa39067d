/** Returns `unknown service "wbe" (available: web, worker)`, without the list if `known` is empty. */
export const unknownName = (kind: string, name: string, known: readonly string[]) =>
  `unknown ${kind} "${name}"${known.length === 0 ? '' : ` (available: ${known.join(', ')})`}`;

/** Splits a list into parts of at most `size`. */
export function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts = Math.ceil(all.length / size);
  return Array.from({ length: parts }, (_, part) => all.slice(part * size, (part + 1) * size));
}

/** Reads all pages; `next` gets the mark of the previous page. Stops at a repeated mark. */
export async function pages<Member>(
  next: (
    mark: string | undefined,
  ) => Promise<{ members: readonly Member[] | undefined; mark: string | undefined }>,
): Promise<Member[]> {
  const all: Member[] = [];
  const seen = new Set<string>();
  let mark: string | undefined;
  do {
    if (mark !== undefined) seen.add(mark);
    const page = await next(mark);
    all.push(...(page.members ?? []));
    mark = page.mark || undefined;
  } while (mark !== undefined && !seen.has(mark));
  return all;
}

/** Returns `value` if it is one of `known`. */
export function oneOf<const Known extends string>(
  known: readonly Known[],
  value: string | undefined,
): Known | undefined {
  return known.find((one) => one === value);
}

/** Longer words are not compared, to bound the time. */
const longest = 64;

/** The edit distance: letters missing, added, replaced or swapped with the next one. */
function distance(a: string, b: string): number {
  let before: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwapped = row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = isSwapped ? (before[column - 2] ?? 0) + 1 : substituted;
      current.push(
        Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substituted, swapped),
      );
    }
    [before, previous] = [previous, current];
  }
  return previous[b.length] ?? 0;
}

/** Returns the candidate closest to `word`, or undefined if none is close. Ignores case. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longest) return undefined;
  const limit = word.length <= 3 ? 1 : word.length <= 7 ? 2 : 3;
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    if (candidate === word || Math.abs(candidate.length - word.length) > limit) continue;
    const found = distance(word.toLowerCase(), candidate.toLowerCase());
    if (found <= limit && found < candidate.length && (best === undefined || found < best.distance))
      best = { candidate, distance: found };
  }
  return best?.candidate;
}
